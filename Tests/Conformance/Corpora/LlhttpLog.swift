/// What llhttp's callbacks say about a case.
package struct LlhttpLog: Sendable {
    /// A message as far as llhttp got.
    package struct Message: Sendable {
        package var method = ""
        package var target = ""
        /// 0 for requests.
        package var status = 0
        /// For example `1.1`.
        package var version = ""
        /// Of the head; names as sent, values without surrounding blanks. Trailers are left out.
        package var fields: [(name: String, value: [UInt8])] = []
        package var body: [UInt8] = []
        /// All field lines were accepted.
        package var headIsComplete = false
        package var isComplete = false
    }

    package private(set) var messages: [Message] = []
    /// llhttp's words for a refusal; nil when it accepted all bytes, or stopped for an upgrade.
    package private(set) var refusal: String?
    /// llhttp handed the rest of the bytes to another protocol.
    package private(set) var upgrades = false

    /// "The rest belongs to an upgrade": no error of the message.
    private static let upgradeCode = "22"

    init(_ lines: [Substring], of input: [UInt8]) {
        for line in lines { read(line, input) }
    }

    /// `off=13 len=2 span[status]="OK"`, `off=17 status complete`, `off=8 error code=9 reason="…"`.
    private mutating func read(_ line: Substring, _ input: [UInt8]) {
        var words = line.split(separator: " ")
        guard let offset = words.first.flatMap({ Int($0.dropFirst("off=".count)) }) else { return }
        words.removeFirst()
        if words.first?.hasPrefix("len=") == true, words.count > 1 {
            let length = Int(words[0].dropFirst("len=".count)) ?? 0
            // The text in the log may be escaped; offset and length never are.
            guard offset + length <= input.count else { return }
            return span(String(words[1]), Array(input[offset..<offset + length]))
        }
        let rest = words.joined(separator: " ")
        if rest == "message begin" {
            messages.append(Message())
        } else if rest.hasPrefix("error code=") {
            if words[1] == "code=\(Self.upgradeCode)" {
                upgrades = true
            } else {
                refusal = String(rest.split(separator: "reason=", maxSplits: 1).last ?? "")
            }
        } else {
            note(rest)
        }
    }

    private mutating func note(_ event: String) {
        guard var message = messages.popLast() else { return }
        defer { messages.append(message) }
        if event == "header_field complete" {
            fieldIsOpen = false
        } else if event == "header_value complete" {
            valueIsOpen = false
        } else if event == "message complete" {
            message.isComplete = true
        } else if event.hasPrefix("headers complete") {
            message.headIsComplete = true
            for word in event.split(separator: " ") where word.hasPrefix("status=") {
                message.status = Int(word.dropFirst("status=".count)) ?? 0
            }
        }
    }

    /// A name or a value may come in several spans.
    private var fieldIsOpen = false
    private var valueIsOpen = false

    private mutating func span(_ label: String, _ bytes: [UInt8]) {
        guard var message = messages.popLast() else { return }
        defer { messages.append(message) }
        let text = String(decoding: bytes, as: UTF8.self)
        switch label.split(separator: "]").first.map({ $0.dropFirst("span[".count) }) {
        case "method": message.method += text
        case "url": message.target += text
        case "version": message.version += text
        case "body": message.body += bytes
        case "header_field" where !message.headIsComplete:
            if fieldIsOpen, let last = message.fields.popLast() {
                message.fields.append((last.name + text, []))
            } else {
                message.fields.append((text, []))
            }
            fieldIsOpen = true
        case "header_value" where !message.headIsComplete:
            guard let last = message.fields.popLast() else { return }
            message.fields.append((last.name, trimmed((valueIsOpen ? last.value : []) + bytes)))
            valueIsOpen = true
        default: break
        }
    }

    /// llhttp leaves blanks at the end of a value to its user.
    private func trimmed(_ value: [UInt8]) -> [UInt8] {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        return Array(value.prefix((value.lastIndex { !isBlank($0) } ?? -1) + 1))
    }
}
