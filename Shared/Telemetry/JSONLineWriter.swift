/// Appends one flat JSON object (RFC 8259) to a byte array, ended by a line feed.
///
/// Log lines are the hottest JSON a service writes and have no nesting, so the general coders of
/// Foundation are not used here.
struct JSONLineWriter {
    private(set) var bytes: [UInt8] = []
    private var isFirst = true

    init() { bytes.reserveCapacity(256) }

    mutating func begin() { bytes.append(UInt8(ascii: "{")) }

    mutating func end() {
        bytes.append(UInt8(ascii: "}"))
        bytes.append(UInt8(ascii: "\n"))
    }

    mutating func member(_ name: String, _ value: LogValue) {
        switch value {
        case .string(let text): member(name, text)
        case .integer(let number): member(name, literal: String(number))
        case .boolean(let flag): member(name, literal: flag ? "true" : "false")
        case .double(let number):
            // JSON has no spelling for NaN and the infinities; text keeps the line readable.
            if number.isFinite {
                member(name, literal: "\(number)")
            } else {
                member(name, "\(number)")
            }
        }
    }

    mutating func member(_ name: String, _ text: String) {
        key(name)
        quoted(text)
    }

    private mutating func member(_ name: String, literal: String) {
        key(name)
        bytes.append(contentsOf: literal.utf8)
    }

    private mutating func key(_ name: String) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        quoted(name)
        bytes.append(UInt8(ascii: ":"))
    }

    /// RFC 8259 §7: quotation mark, reverse solidus and U+0000–U+001F must be escaped. A Swift
    /// string is always well-formed UTF-8, so all other bytes pass as they are.
    private mutating func quoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var written = 0
        for byte in text.utf8 {
            // Cut between characters only: a byte 10xxxxxx continues the one before it.
            if written >= LogValue.textMax, byte & 0xc0 != 0x80 {
                bytes.append(contentsOf: "…".utf8)
                break
            }
            written += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes.append(contentsOf: (digits.count == 1 ? "\\u000" : "\\u00").utf8)
                bytes.append(contentsOf: digits.utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
