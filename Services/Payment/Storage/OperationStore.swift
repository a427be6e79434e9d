import Basics
import Postgres

/// An operation that is about to be written as INTENT.
struct NewOperation: Sendable {
    let id: UniqueID
    let kind: OperationKind
    let attempt: Int
    /// The exact body of every request under this operation's key.
    let request: [UInt8]
    let command: CommandReference

    static let columns =
        "op_id, kind, attempt, request, command_id, step, step_seq, traceparent"

    var parameters: [Parameter] {
        [
            .id(id), .text(kind.rawValue), .integer(Int64(attempt)), .bytes(request),
            .id(command.messageID), .text(command.step), .integer(command.stepSequence),
            .optional(command.traceparent) { .text($0) },
        ]
    }
}

/// An operation that this process has leased and works on.
struct ClaimedOperation: Sendable {
    let id: UniqueID
    let order: OrderID
    let kind: OperationKind
    let attempt: Int
    let key: String
    let request: [UInt8]
    let command: CommandReference
    let tries: Int
    let history: KeyDiscipline.History
}

/// All SQL on `payment_ops`.
struct OperationStore: Sendable {
    let pool: Pool
    /// Names this process in leases; a new one at each start.
    let owner: UniqueID
    let lease: Duration

    private static let read = """
        op.op_id, op.order_id, op.kind, op.attempt, op.provider_key, op.request, op.command_id,
        op.step, op.step_seq, op.traceparent, op.tries, op.server_errors,
        op.pending_since IS NOT NULL AS is_pending,
        (extract(epoch FROM now() - op.first_sent_at) * 1000)::bigint AS age_ms
        """

    static func insert(_ order: OrderID, _ operation: NewOperation) -> Statement {
        Statement(
            """
            INSERT INTO payment_ops (order_id, \(NewOperation.columns))
            VALUES ($1, $2, $3, $4::integer, $5, $6, $7, $8::bigint, $9)
            """, [.id(order.value)] + operation.parameters)
    }

    /// Leases up to `limit` operations that are due. The time of the first send is written here,
    /// before anything is sent, so a crash cannot make a key look younger than it is.
    func claim(limit: Int) async throws -> [ClaimedOperation] {
        // Materialized: as a joined subquery the planner could run it again and lock too many.
        let sql = """
            WITH due AS MATERIALIZED (
                SELECT op_id FROM payment_ops
                WHERE state IN ('INTENT', 'UNKNOWN') AND next_attempt_at <= now()
                    AND (lease_until IS NULL OR lease_until <= now())
                ORDER BY next_attempt_at LIMIT $3::bigint FOR UPDATE SKIP LOCKED
            )
            UPDATE payment_ops AS op
            SET lease_owner = $1, lease_until = now() + $2::bigint * interval '1 millisecond',
                tries = tries + 1, first_sent_at = COALESCE(first_sent_at, now())
            FROM due WHERE op.op_id = due.op_id
            RETURNING \(Self.read)
            """
        return try await pool.query(
            Statement(
                sql, [.id(owner), .integer(lease.inMilliseconds), .integer(Int64(limit))])
        ).map(ClaimedOperation.init)
    }

    /// Keeps the leases of operations that are still being worked on.
    func renew(_ ids: [UniqueID]) async throws {
        try await pool.execute(
            Statement(
                """
                UPDATE payment_ops SET lease_until = now() + $3::bigint * interval '1 millisecond'
                WHERE op_id = ANY($1::uuid[]) AND lease_owner = $2 AND settled_at IS NULL
                """, [.ids(ids), .id(owner), .integer(lease.inMilliseconds)]))
    }

    /// Puts an operation without a certain outcome back: UNKNOWN, due again after `delay`. Guarded
    /// by the lease, so a process that lost it changes nothing.
    func postpone(_ id: UniqueID, _ note: KeyDiscipline.Note, delay: Duration) async throws {
        try await pool.execute(
            Statement(
                """
                UPDATE payment_ops SET state = 'UNKNOWN', lease_owner = NULL, lease_until = NULL,
                    next_attempt_at = now() + $3::bigint * interval '1 millisecond',
                    server_errors = $4, last_error = $5,
                    pending_since = CASE WHEN $6::boolean THEN COALESCE(pending_since, now()) END
                WHERE op_id = $1 AND lease_owner = $2 AND settled_at IS NULL
                """,
                [
                    .id(id), .id(owner), .integer(delay.inMilliseconds),
                    .integer(Int64(note.serverErrors)), .text(String(note.error.prefix(250))),
                    .boolean(note.isPending),
                ]), as: "postpone operation")
    }

    /// Locks an operation for its second transaction; nil when it is settled already.
    static func lockOpen(_ id: UniqueID) -> Statement {
        Statement(
            """
            SELECT pending_since IS NOT NULL AS is_pending FROM payment_ops
            WHERE op_id = $1 AND settled_at IS NULL FOR UPDATE
            """, [.id(id)])
    }

    static func settle(_ id: UniqueID, _ outcome: CallOutcome) -> Statement? {
        let (state, reference, reason, evidence): (String, String?, String?, String?)
        switch outcome {
        case .done(let text): (state, reference, reason, evidence) = ("OK", text, nil, nil)
        case .refused(let text): (state, reference, reason, evidence) = ("REFUSED", nil, text, nil)
        case .fenced(let text): (state, reference, reason, evidence) = ("FENCED", nil, nil, text)
        case .pending: return nil
        }
        return Statement(
            """
            UPDATE payment_ops SET state = $2, provider_ref = $3, reason = $4, fence_evidence = $5,
                settled_at = now(), next_attempt_at = NULL, lease_owner = NULL, lease_until = NULL,
                first_sent_at = COALESCE(first_sent_at, now())
            WHERE op_id = $1
            """,
            [
                .id(id), .text(state), .optional(reference) { .text($0) },
                .optional(reason) { .text($0) }, .optional(evidence) { .text($0) },
            ])
    }

    /// Marks that Order was told of a pending outcome, so it is told once.
    static func markPending(_ id: UniqueID) -> Statement {
        Statement("UPDATE payment_ops SET pending_since = now() WHERE op_id = $1", [.id(id)])
    }

    /// The next attempt behind a fence: the same request under the next key (invariant 10).
    static func nextAttempt(
        of operation: ClaimedOperation, id: UniqueID, delay: Duration
    ) -> Statement {
        Statement(
            """
            INSERT INTO payment_ops (order_id, \(NewOperation.columns), next_attempt_at)
            SELECT order_id, $2::uuid, kind, attempt + 1, request, command_id, step, step_seq,
                traceparent, now() + $3::bigint * interval '1 millisecond'
            FROM payment_ops WHERE op_id = $1
            """, [.id(operation.id), .id(id), .integer(delay.inMilliseconds)])
    }
}

extension ClaimedOperation {
    init(_ row: Row) throws {
        id = try row.id("op_id")
        order = OrderID(try row.id("order_id"))
        guard let kind = OperationKind(rawValue: try row.text("kind")) else {
            throw PostgresError(.decoding, "payment_ops.kind is unknown")
        }
        self.kind = kind
        attempt = Int(try row.integer("attempt"))
        key = try row.text("provider_key")
        request = try row.bytes("request")
        command = CommandReference(
            messageID: try row.id("command_id"), step: try row.text("step"),
            stepSequence: try row.integer("step_seq"),
            traceparent: try row.optionalText("traceparent"))
        tries = Int(try row.integer("tries"))
        history = KeyDiscipline.History(
            serverErrors: Int(try row.integer("server_errors")),
            isPending: try row.boolean("is_pending"),
            age: try row.optionalInteger("age_ms").map { .milliseconds($0) })
    }
}
