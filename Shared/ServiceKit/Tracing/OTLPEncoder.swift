import Basics
import Telemetry

/// Spans as an OTLP `ExportTraceServiceRequest` in JSON: ids as hex, 64-bit integers as strings,
/// enumerations as numbers (opentelemetry-proto, "JSON Protobuf Encoding"). Pure.
struct OTLPEncoder: Sendable {
    /// The longest text of a name, an attribute or a failure, in UTF-8 bytes; the rest is cut.
    static let textMax = 1_024

    private let prefix: [UInt8]

    init(resource: SpanAttributes, version: String = ProgramVersion.text) {
        var writer = OTLPWriter()
        writer.raw(#"{"resourceSpans":[{"resource":{"attributes":"#)
        writer.attributes(resource)
        writer.raw(#"},"scopeSpans":[{"scope":{"name":"mercato","version":"#)
        writer.text(version)
        writer.raw(#"},"spans":["#)
        prefix = writer.bytes
    }

    func encode(_ spans: [FinishedSpan]) -> [UInt8] {
        var writer = OTLPWriter(prefix, reserving: spans.count * 700)
        for (index, span) in spans.enumerated() {
            if index > 0 { writer.raw(",") }
            writer.span(span)
        }
        writer.raw("]}]}]}")
        return writer.bytes
    }
}

/// Appends JSON. Foundation's coder takes twenty times as long for the same text.
struct OTLPWriter {
    private(set) var bytes: [UInt8]

    init(_ start: [UInt8] = [], reserving count: Int = 0) {
        bytes = start
        bytes.reserveCapacity(start.count + count)
    }

    mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    mutating func span(_ span: FinishedSpan) {
        raw(#"{"traceId":""#)
        hex(span.context.traceHigh)
        hex(span.context.traceLow)
        raw(#"","spanId":""#)
        hex(span.context.spanID)
        if let parent = span.parentSpanID {
            raw(#"","parentSpanId":""#)
            hex(parent)
        }
        raw(#"","flags":"#)
        bytes.append(contentsOf: String(span.context.flags).utf8)
        if let state = span.context.tracestate {
            raw(#","traceState":"#)
            text(state)
        }
        raw(#","name":"#)
        text(span.name)
        raw(#","kind":"#)
        // OTLP counts from 1, as `SpanKind` does.
        bytes.append(contentsOf: String(span.kind.rawValue).utf8)
        raw(#","startTimeUnixNano":""#)
        nanoseconds(span.start)
        raw(#"","endTimeUnixNano":""#)
        nanoseconds(span.end)
        raw(#"","attributes":"#)
        attributes(span.attributes)
        raw(#","status":{"#)
        if let failure = span.failure {
            // 2 is STATUS_CODE_ERROR; 0, "unset", is left out.
            raw(#""code":2,"message":"#)
            text(failure)
        }
        raw("}}")
    }

    /// Sorted by name, so that equal spans are equal bytes.
    mutating func attributes(_ attributes: SpanAttributes) {
        raw("[")
        var isFirst = true
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            if !isFirst { raw(",") }
            isFirst = false
            raw(#"{"key":"#)
            text(name)
            raw(#","value":{"#)
            self.value(value)
            raw("}}")
        }
        raw("]")
    }

    private mutating func value(_ value: AttributeValue) {
        switch value {
        case .string(let string):
            raw(#""stringValue":"#)
            text(string)
        case .integer(let number):
            raw(#""intValue":""#)
            bytes.append(contentsOf: String(number).utf8)
            raw("\"")
        case .double(let number) where number.isFinite:
            raw(#""doubleValue":"#)
            bytes.append(contentsOf: "\(number)".utf8)
        case .double(let number):
            // ProtoJSON spells what JSON cannot as a string.
            raw(#""doubleValue":"#)
            text(number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")
        case .boolean(let flag):
            raw(#""boolValue":"#)
            bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        }
    }

    /// RFC 8259 §7; cut between characters at the limit.
    mutating func text(_ text: String) {
        raw("\"")
        var written = 0
        for byte in text.utf8 {
            if written >= OTLPEncoder.textMax, byte & 0xc0 != 0x80 { break }
            written += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20:
                raw("\\u00")
                bytes.append(Self.digits[Int(byte >> 4)])
                bytes.append(Self.digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        raw("\"")
    }

    private mutating func nanoseconds(_ time: WallTime) {
        bytes.append(contentsOf: String(max(0, time.microseconds)).utf8)
        raw("000")
    }

    private mutating func hex(_ value: UInt64) {
        for shift in stride(from: 60, through: 0, by: -4) {
            bytes.append(Self.digits[Int(value >> UInt64(shift) & 15)])
        }
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
