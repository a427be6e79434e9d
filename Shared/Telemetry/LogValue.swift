/// Names and values beside a log message.
package typealias LogFields = [String: LogValue]

/// One value of a log line. Text is cut at `textMax` bytes when it is written.
package enum LogValue: Sendable, Equatable {
    case string(String)
    case integer(Int64)
    case double(Double)
    case boolean(Bool)

    /// The longest text written for one field, in UTF-8 bytes.
    package static let textMax = 8_192

    /// Any value by its description, for example an error or an id.
    package init(describing value: some Any) { self = .string(String(describing: value)) }

    /// Any whole number, clamped to 64 bits.
    package init(_ value: some BinaryInteger) { self = .integer(Int64(clamping: value)) }
}

extension LogValue: ExpressibleByStringInterpolation {
    package init(stringLiteral value: String) { self = .string(value) }
}

extension LogValue: ExpressibleByIntegerLiteral {
    package init(integerLiteral value: Int64) { self = .integer(value) }
}

extension LogValue: ExpressibleByFloatLiteral {
    package init(floatLiteral value: Double) { self = .double(value) }
}

extension LogValue: ExpressibleByBooleanLiteral {
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
}
