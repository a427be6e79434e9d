package import Basics
package import Postgres

/// What operators ask of `dead_letters`.
package struct DeadLetterStore: Sendable {
    /// Letters of one page at most.
    package static let pageMax = 500
    /// How often one letter may be replayed; the table refuses more (D15).
    package static let replaysMax: Int64 = 3
    /// The longest reason, in bytes.
    package static let reasonBytesMax = 500
    /// The `consumer` of rows that the broker refused: nobody has consumed them yet.
    package static let relay = "outbox"

    let pool: Pool

    package init(pool: Pool) { self.pool = pool }

    /// Letters in these states behind `after`, oldest first.
    package func list(_ states: [StoredLetter.State], after: UniqueID?, limit: Int) async throws
        -> [StoredLetter]
    {
        let rows = try await pool.query(
            Statement(
                """
                SELECT \(StoredLetter.columns) FROM dead_letters
                WHERE state = ANY(string_to_array($1, ',')) AND ($2::uuid IS NULL OR id > $2::uuid)
                ORDER BY id LIMIT $3
                """,
                [
                    .text(states.map(\.rawValue).joined(separator: ",")),
                    .optional(after, Parameter.id), .integer(Int64(min(limit, Self.pageMax))),
                ]))
        return try rows.map { try StoredLetter($0, withPayload: false) }
    }

    /// One letter with its payload. Throws `DeadLetterError.notFound`.
    package func letter(_ id: UniqueID) async throws -> StoredLetter {
        let rows = try await pool.query(Self.one(id, lock: ""))
        return try Self.required(rows, id)
    }

    /// The letter under its row lock, if it is open and may be replayed once more.
    static func open(_ id: UniqueID, in transaction: Transaction) async throws -> StoredLetter {
        let letter = try required(
            try await transaction.query(one(id, lock: "FOR NO KEY UPDATE")), id)
        guard letter.state == .parked else {
            throw DeadLetterError(
                code: .settled, message: "the dead letter is \(letter.state.rawValue.lowercased())")
        }
        return letter
    }

    private static func one(_ id: UniqueID, lock: String) -> Statement {
        Statement(
            "SELECT \(StoredLetter.columnsWithPayload) FROM dead_letters WHERE id = $1 \(lock)", [.id(id)])
    }

    private static func required(_ rows: [Row], _ id: UniqueID) throws -> StoredLetter {
        guard let row = rows.first else {
            throw DeadLetterError(code: .notFound, message: "there is no dead letter \(id)")
        }
        return try StoredLetter(row, withPayload: true)
    }

    /// Nobody will handle it; `reason` says why, for the record.
    package func discard(_ id: UniqueID, reason: String) async throws -> StoredLetter {
        try await pool.transaction { transaction in
            _ = try await Self.open(id, in: transaction)
            _ = try await transaction.execute(
                Statement(
                    """
                    UPDATE dead_letters SET state = 'DISCARDED', reason = $2, settled_at = now()
                    WHERE id = $1
                    """, [.id(id), .text(reason)]))
        }
        return try await letter(id)
    }

    /// The replay succeeded, in its own transaction.
    static func resolved(_ id: UniqueID, in transaction: Transaction) async throws {
        _ = try await transaction.execute(
            Statement(
                """
                UPDATE dead_letters SET state = 'RESOLVED', replays = replays + 1,
                    replayed_at = now(), settled_at = now() WHERE id = $1
                """, [.id(id)]))
    }

    /// The replay failed: its transaction is gone, the new error takes the old one's place.
    func stillFailing(_ id: UniqueID, _ poison: Poison) async throws {
        try await pool.execute(
            Statement(
                """
                UPDATE dead_letters SET replays = replays + 1, replayed_at = now(),
                    error_class = $2, error_code = $3, error = $4
                WHERE id = $1 AND state = 'PARKED' AND replays < $5
                """,
                [
                    .id(id), .text(poison.errorClass.rawValue), .text(poison.code),
                    .text(poison.storedText), .integer(Self.replaysMax),
                ]))
    }

    /// Puts the refused outbox row back into its lane.
    static func handBack(_ letter: StoredLetter, in transaction: Transaction) async throws {
        // The relay parks first and marks the row afterwards: cleared in between, the mark would hide
        // the row from the relay and the letter would count as resolved.
        let changed = try await transaction.execute(
            Statement(
                """
                UPDATE outbox SET published_at = NULL
                WHERE message_id = $1 AND published_at IS NOT NULL
                """, [.id(letter.messageID)]))
        guard changed == 1 else {
            let waiting = try await transaction.query(
                Statement("SELECT FROM outbox WHERE message_id = $1", [.id(letter.messageID)]))
            throw waiting.isEmpty
                ? DeadLetterError(
                    code: .rowGone, message: "its outbox row is older than the days that are kept")
                : DeadLetterError(
                    code: .inFlight, message: "the relay has not let go of it yet; try again")
        }
        _ = try await transaction.execute(
            Statement(
                """
                UPDATE dead_letters SET state = 'REPLAYING', replays = replays + 1,
                    replayed_at = now() WHERE id = $1
                """, [.id(letter.id)]))
    }

    /// Rows handed back that the broker has taken by now.
    func settleHandedBack() async throws {
        try await pool.execute(
            Statement(
                """
                UPDATE dead_letters d SET state = 'RESOLVED', settled_at = now()
                WHERE d.state = 'REPLAYING' AND EXISTS (SELECT FROM outbox o
                    WHERE o.message_id = d.message_id AND o.published_at IS NOT NULL)
                """))
    }

    /// How many there are, by consumer and state.
    func counts() async throws -> [(consumer: String, state: String, count: Int64)] {
        try await pool.query(
            Statement("SELECT consumer, state, count(*) AS n FROM dead_letters GROUP BY 1, 2")
        ).map { (try $0.text("consumer"), try $0.text("state"), try $0.integer("n")) }
    }
}
