import Basics
package import HTTP
package import Postgres

/// `GET /internal/audit`: a consistent picture of a service's tables as NDJSON, for the checker.
///
/// First `{"t":"audit","r":{"service","at"}}`, then `{"t":"<table>","r":{columns}}` per row, last
/// `{"t":"end","r":{"rows":N}}`: a reader that misses the last line knows that rows are missing.
package struct AuditRoute: Sendable {
    /// Rows fetched from the cursor at a time.
    package static let batchRows = 500

    /// A table's name in the stream, and the query whose rows are shown.
    package struct Table: Sendable {
        package let name: String
        package let query: String

        /// A whole table, row by row.
        package static func whole(_ name: String, orderedBy columns: String) -> Table {
            Table(name, "SELECT * FROM \(name) ORDER BY \(columns)")
        }

        package init(_ name: String, _ query: String) {
            self.name = name
            self.query = query
        }
    }

    /// What every service with messaging shows besides its own tables.
    package static let messagingTables = [
        Table(
            "outbox_unpublished",
            "SELECT count(*) AS count, min(message_id::text) AS oldest FROM outbox WHERE published_at IS NULL"
        ),
        Table(
            "dead_letters",
            "SELECT id, consumer, message_id, type, topic, error_class, error_code, error, state, reason FROM dead_letters ORDER BY id"
        ),
    ]

    private let service: String
    private let pool: Pool
    private let tables: [Table]

    package init(service: String, pool: Pool, tables: [Table]) {
        self.service = service
        self.pool = pool
        self.tables = tables + Self.messagingTables
    }

    package var handler: Handler {
        { _ in
            .stream(200, type: "application/x-ndjson") { writer in try await write(to: writer) }
        }
    }

    private func write(to writer: any BodyWriter) async throws {
        let options = TransactionOptions(isolation: .repeatableRead, readOnly: true)
        try await writer.write(
            Array(
                #"{"t":"audit","r":{"service":"\#(service)","at":"\#(WallTime.now().iso8601)"}}"#
                    .utf8) + [0x0a])
        let count = try await pool.transaction(options) { transaction in
            var count = 0
            for table in tables {
                let rows = Statement("SELECT row_to_json(audited)::text AS line FROM (\(table.query)) AS audited")
                try await transaction.stream(rows, batch: Self.batchRows) { batch in
                    var bytes: [UInt8] = []
                    for row in batch {
                        bytes += Array(#"{"t":"\#(table.name)","r":"#.utf8)
                        bytes += Array(try row.text("line").utf8)
                        bytes += [0x7d, 0x0a]
                    }
                    count += batch.count
                    try await writer.write(bytes)
                }
            }
            return count
        }
        try await writer.write(Array(#"{"t":"end","r":{"rows":\#(count)}}"#.utf8) + [0x0a])
    }
}
