/// The chunked coding read from a complete input, as plainly as RFC 9112 §7.1 states it, in the
/// strict reading (CRLF only, no blanks). It has no limits; it counts what limits are about.
struct ReferenceChunks: Equatable {
    var data: [UInt8] = []
    /// The offset behind the last CRLF.
    var end = 0
    /// The longest extension part of one chunk, and all of them together.
    var extensionMax = 0
    var extensionSum = 0
    /// Bytes of lines with sizes.
    var framing = 0
    var chunkCount = 0
    var trailerBytes = 0
    var trailerCount = 0
    var trailerLineMax = 0

    enum Outcome: Equatable {
        case complete(ReferenceChunks)
        /// More bytes are needed to tell. A parser may know earlier that no bytes can help.
        case incomplete([UInt8])
        case refused
    }

    static func read(_ bytes: [UInt8], from start: Int = 0) -> Outcome {
        var found = ReferenceChunks()
        var at = start
        while true {
            guard let line = line(bytes, from: &at) else { return .incomplete(found.data) }
            guard let text = line.text, let (size, extras) = size(text) else { return .refused }
            found.extensionMax = max(found.extensionMax, extras)
            found.extensionSum += extras
            found.framing += text.count + 4
            found.chunkCount += 1
            if size == 0 { break }
            let here = bytes.count - at
            guard size < here, size + 2 <= here else {
                return .incomplete(found.data + bytes[at..<(at + min(size, here))])
            }
            found.data += bytes[at..<(at + size)]
            at += size
            guard bytes[at] == 13, bytes[at + 1] == 10 else { return .refused }
            at += 2
        }
        while true {
            guard let line = line(bytes, from: &at) else { return .incomplete(found.data) }
            guard let text = line.text else { return .refused }
            if text.isEmpty { break }
            guard isField(text) else { return .refused }
            found.trailerCount += 1
            found.trailerBytes += text.count + 2
            found.trailerLineMax = max(found.trailerLineMax, text.count)
        }
        found.end = at
        return .complete(found)
    }

    private struct Line {
        /// Nil when the line must be refused.
        var text: [UInt8]?
    }

    /// Up to the next LF; nil when there is none.
    private static func line(_ bytes: [UInt8], from at: inout Int) -> Line? {
        guard let end = bytes[at...].firstIndex(of: 10) else { return nil }
        let line = Array(bytes[at..<end])
        at = end + 1
        guard line.last == 13 else { return Line() }
        let text = Array(line.dropLast())
        return Line(text: text.contains { ($0 < 32 && $0 != 9) || $0 == 127 } ? nil : text)
    }

    /// `1*16HEXDIG` and extensions; the number of bytes that the latter take.
    private static func size(_ line: [UInt8]) -> (Int, Int)? {
        let digits = line.prefix { "0123456789abcdefABCDEF".utf8.contains($0) }
        guard (1...16).contains(digits.count),
            let size = Int(String(decoding: digits, as: UTF8.self), radix: 16),
            areExtensions(Array(line[digits.endIndex...]))
        else { return nil }
        return (size, line.count - digits.count)
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }

    /// `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )`, by a small automaton over
    /// its bytes.
    private static func areExtensions(_ text: [UInt8]) -> Bool {
        enum Place { case start, blank, nameStart, name, nameEnd, valueStart, value, quoted, escaped, end }
        var place = Place.start
        for byte in text {
            let isBlank = byte == 32 || byte == 9
            switch (place, byte) {
            case (.start, 59), (.blank, 59), (.name, 59), (.nameEnd, 59), (.value, 59), (.end, 59):
                place = .nameStart
            case (.start, _) where isBlank, (.blank, _) where isBlank: place = .blank
            case (.value, _) where isBlank, (.end, _) where isBlank: place = .blank
            case (.nameStart, _) where isBlank, (.valueStart, _) where isBlank: break
            case (.name, _) where isBlank, (.nameEnd, _) where isBlank: place = .nameEnd
            case (.nameStart, _) where isToken(byte), (.name, _) where isToken(byte): place = .name
            case (.name, 61), (.nameEnd, 61): place = .valueStart
            case (.valueStart, 34): place = .quoted
            case (.valueStart, _) where isToken(byte), (.value, _) where isToken(byte):
                place = .value
            case (.quoted, 34): place = .end
            case (.quoted, 92): place = .escaped
            case (.quoted, _), (.escaped, _): place = .quoted
            default: return false
            }
        }
        return place == .start || place == .name || place == .value || place == .end
    }

    /// A field line whose name does not imitate framing (H37).
    private static func isField(_ line: [UInt8]) -> Bool {
        guard let colon = line.firstIndex(of: 58), colon > 0 else { return false }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        return line[..<colon].allSatisfy(isToken)
            && name != "content_length" && name != "transfer_encoding"
    }
}
