package import Basics
package import Postgres

/// First-sight test for messages: the row is inserted before anything else happens in the
/// transaction, so a concurrent twin waits on the index and its handler never runs (D4).
package struct Inbox: Sendable {
    /// Ids further ahead than this are refused: no clock of ours runs so far wrong.
    package static let daysAheadMax = 8

    package let consumer: String

    package init(consumer: String) { self.consumer = consumer }

    /// True when this consumer has not handled the message; the row is then in the transaction.
    package func firstSight(of messageID: UniqueID, in transaction: Transaction) async throws
        -> Bool
    {
        let inserted = try await transaction.execute(
            Statement(
                """
                INSERT INTO inbox (consumer, message_id, outcome) VALUES ($1, $2, 'HANDLED')
                ON CONFLICT (consumer, message_id) DO NOTHING
                """, [.text(consumer), .id(messageID)]))
        return inserted == 1
    }

    /// PostgreSQL's answer when no day partition takes the id.
    package static func lacksPartition(_ error: PostgresError) -> Bool {
        error.sqlState == "23514" && error.constraint == nil
    }
}
