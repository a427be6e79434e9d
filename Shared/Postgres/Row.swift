package import Basics

/// What one statement brought.
package struct QueryResult: Sendable {
    /// Rows in the order the server sent them; empty for commands.
    package let rows: [Row]
    /// Rows inserted, changed, deleted or returned.
    package let affected: Int
    /// What the server says it did, for example `INSERT 0 1` or `COMMIT`.
    let commandTag: String

    init(_ table: ResultTable) {
        rows = (0..<table.rowCount).map { Row(table: table, index: $0) }
        affected = table.affected
        commandTag = table.commandTag
    }
}

/// One row; columns are read by name. Every reader throws `decoding` when the column does not
/// exist or does not hold such a value; those without `optional` also when it is NULL.
package struct Row: Sendable {
    let table: ResultTable
    let index: Int

    /// Any type as the server prints it.
    package func text(_ column: String) throws(PostgresError) -> String {
        try required(column, optionalText(column))
    }

    /// The same; nil for NULL.
    package func optionalText(_ column: String) throws(PostgresError) -> String? {
        // Safe: the bytes are copied before the closure ends.
        unsafe table.withField(row: index, column: try place(column)) { bytes in
            unsafe String(decoding: bytes, as: UTF8.self)
        }
    }

    /// An integer type of any width.
    package func integer(_ column: String) throws(PostgresError) -> Int64 {
        try required(column, optionalInteger(column))
    }

    /// The same; nil for NULL.
    package func optionalInteger(_ column: String) throws(PostgresError) -> Int64? {
        try parsed(column, "an integer") { Int64($0) }
    }

    /// A `boolean`.
    package func boolean(_ column: String) throws(PostgresError) -> Bool {
        try required(column, optionalBoolean(column))
    }

    /// The same; nil for NULL.
    package func optionalBoolean(_ column: String) throws(PostgresError) -> Bool? {
        try parsed(column, "a boolean") { $0 == "t" ? true : $0 == "f" ? false : nil }
    }

    /// A `uuid`.
    package func id(_ column: String) throws(PostgresError) -> UniqueID {
        try required(column, optionalID(column))
    }

    /// The same; nil for NULL.
    package func optionalID(_ column: String) throws(PostgresError) -> UniqueID? {
        try parsed(column, "a UUID") { UniqueID($0) }
    }

    /// A `timestamptz`; the session's time zone is always UTC.
    package func time(_ column: String) throws(PostgresError) -> WallTime {
        try required(column, optionalTime(column))
    }

    /// The same; nil for NULL.
    package func optionalTime(_ column: String) throws(PostgresError) -> WallTime? {
        try parsed(column, "a time") { WallTime(iso8601: $0) }
    }

    /// A `bytea`.
    package func bytes(_ column: String) throws(PostgresError) -> [UInt8] {
        try required(column, optionalBytes(column))
    }

    /// The same; nil for NULL.
    package func optionalBytes(_ column: String) throws(PostgresError) -> [UInt8]? {
        let decoded = unsafe table.withField(row: index, column: try place(column)) { bytes in
            unsafe HexText.decode(bytes)
        }
        guard let decoded else { return nil }
        guard let value = decoded else { throw mismatch(column, "bytes in hexadecimal") }
        return value
    }

    /// A `text[]` without NULLs.
    package func texts(_ column: String) throws(PostgresError) -> [String] {
        try required(column, parsed(column, "an array") { ArrayText.decode($0) })
    }

    /// A `bigint[]` without NULLs.
    package func integers(_ column: String) throws(PostgresError) -> [Int64] {
        let elements = try texts(column)
        let values = elements.compactMap { Int64($0) }
        guard values.count == elements.count else { throw mismatch(column, "integers") }
        return values
    }

    /// A `uuid[]` without NULLs.
    package func ids(_ column: String) throws(PostgresError) -> [UniqueID] {
        let elements = try texts(column)
        let values = elements.compactMap { UniqueID($0) }
        guard values.count == elements.count else { throw mismatch(column, "UUIDs") }
        return values
    }
}

extension Row {
    private func place(_ column: String) throws(PostgresError) -> Int {
        guard let place = table.columns.firstIndex(of: column) else {
            throw PostgresError(
                .decoding,
                "no column \(column); there are \(table.columns.joined(separator: ", "))")
        }
        return place
    }

    private func parsed<Value>(
        _ column: String, _ kind: String, _ parse: (String) -> Value?
    ) throws(PostgresError) -> Value? {
        guard let text = try optionalText(column) else { return nil }
        guard let value = parse(text) else { throw mismatch(column, kind) }
        return value
    }

    private func required<Value>(
        _ column: String, _ value: Value?
    ) throws(PostgresError) -> Value {
        guard let value else { throw PostgresError(.decoding, "column \(column) is NULL") }
        return value
    }

    private func mismatch(_ column: String, _ kind: String) -> PostgresError {
        PostgresError(.decoding, "column \(column) does not hold \(kind)")
    }
}

/// `bytea` in the server's hex format: `\x` and two digits a byte.
enum HexText {
    static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        let count = text.count
        // Safe: every index below is smaller than `count`.
        guard count >= 2, count % 2 == 0, unsafe text[0] == UInt8(ascii: "\\"),
            unsafe text[1] == UInt8(ascii: "x")
        else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity((count - 2) / 2)
        var at = 2
        while at < count {
            guard let high = nibble(unsafe text[at]), let low = nibble(unsafe text[at + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
            at += 2
        }
        return bytes
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
