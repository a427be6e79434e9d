package import Basics

/// One value of a statement. The server infers the SQL type from the place of its `$n`.
package enum Parameter: Sendable, Hashable {
    case null
    case text(String)
    case integer(Int64)
    case boolean(Bool)
    /// For `bytea`; travels in binary, everything else as text.
    case bytes([UInt8])
    case id(UniqueID)
    case time(WallTime)
    /// For `text[]`.
    case texts([String])
    /// For `uuid[]`.
    case ids([UniqueID])
    /// For `bigint[]` and the other integer arrays.
    case integers([Int64])
    /// For `json` and `jsonb`, already encoded.
    case json(String)

    /// NULL when there is no value.
    package static func optional<Value>(
        _ value: Value?, _ make: (Value) -> Parameter
    ) -> Parameter {
        value.map(make) ?? .null
    }
}

extension Parameter: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(nilLiteral: ()) { self = .null }
}

extension Parameter {
    /// The text sent to the server; nil for NULL and for `bytes`, which has no text form here.
    var text: String? {
        switch self {
        case .null, .bytes: nil
        case .text(let value), .json(let value): value
        case .integer(let value): String(value)
        case .boolean(let value): value ? "t" : "f"
        case .id(let value): value.description
        case .time(let value): value.iso8601
        case .texts(let values): ArrayText.encode(values)
        case .ids(let values): "{" + values.map(\.description).joined(separator: ",") + "}"
        case .integers(let values): "{" + values.map { String($0) }.joined(separator: ",") + "}"
        }
    }
}

/// SQL with `$1`, `$2`, … and their values. Prepared once on each connection, found by its text:
/// keep the text constant and put everything that varies into parameters.
package struct Statement: Sendable, Hashable {
    /// The protocol counts parameters in 16 bits.
    static let parameterMax = 65_535

    /// With `$1`, `$2`, … in place of values.
    package let sql: String
    /// The values, in order.
    package let parameters: [Parameter]
    /// False for texts that are used once; they would only fill the cache.
    let isPrepared: Bool

    package init(_ sql: String, _ parameters: [Parameter] = []) {
        self.init(sql, parameters, isPrepared: true)
    }

    init(_ sql: String, _ parameters: [Parameter] = [], isPrepared: Bool) {
        self.sql = sql
        self.parameters = parameters
        self.isPrepared = isPrepared
    }

    /// Text travels as C strings, which a NUL would silently cut short: refused instead.
    func validate() throws(PostgresError) {
        guard parameters.count <= Self.parameterMax else {
            throw PostgresError(
                .invalidStatement, "\(parameters.count) parameters; at most \(Self.parameterMax)")
        }
        guard !sql.utf8.contains(0) else {
            throw PostgresError(.invalidStatement, "the statement's text contains a NUL")
        }
        for (index, parameter) in parameters.enumerated() where parameter.mayHoldNUL {
            guard parameter.text?.utf8.contains(0) != true else {
                throw PostgresError(
                    .invalidStatement, "parameter $\(index + 1) contains a NUL")
            }
        }
    }
}

extension Parameter {
    fileprivate var mayHoldNUL: Bool {
        switch self {
        case .text, .texts, .json: true
        case .null, .integer, .boolean, .bytes, .id, .time, .ids, .integers: false
        }
    }
}
