/// PostgreSQL's text form of a one-dimensional array: `{a,"b c",NULL}`.
enum ArrayText {
    static func encode(_ values: [String]) -> String {
        var text = "{"
        for (index, value) in values.enumerated() {
            if index > 0 { text += "," }
            text += "\""
            for character in value.unicodeScalars {
                if character == "\"" || character == "\\" { text += "\\" }
                text.unicodeScalars.append(character)
            }
            text += "\""
        }
        return text + "}"
    }

    /// The elements; nil when the text is not a one-dimensional array or holds a NULL.
    static func decode(_ text: String) -> [String]? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 2, bytes.first == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "}")
        else { return nil }
        var elements: [String] = []
        var at = 1
        let end = bytes.count - 1
        while at < end {
            guard let element = element(bytes, from: &at, to: end) else { return nil }
            elements.append(element)
            guard at < end else { break }
            guard bytes[at] == UInt8(ascii: ","), at + 1 < end else { return nil }
            at += 1
        }
        return elements
    }

    private static func element(_ bytes: [UInt8], from at: inout Int, to end: Int) -> String? {
        var content: [UInt8] = []
        let isQuoted = bytes[at] == UInt8(ascii: "\"")
        if isQuoted { at += 1 }
        while at < end {
            let byte = bytes[at]
            switch byte {
            case UInt8(ascii: "\\"):
                guard at + 1 < end else { return nil }
                content.append(bytes[at + 1])
                at += 2
            case UInt8(ascii: "\"") where isQuoted:
                at += 1
                return String(decoding: content, as: UTF8.self)
            case UInt8(ascii: ",") where !isQuoted:
                return unquoted(content)
            case UInt8(ascii: "{") where !isQuoted, UInt8(ascii: "}") where !isQuoted:
                return nil
            default:
                content.append(byte)
                at += 1
            }
        }
        return isQuoted ? nil : unquoted(content)
    }

    private static func unquoted(_ content: [UInt8]) -> String? {
        let text = String(decoding: content, as: UTF8.self)
        return text.isEmpty || text.uppercased() == "NULL" ? nil : text
    }
}
