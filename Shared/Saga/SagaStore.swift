package import Basics
package import Contracts
package import Postgres

/// The SQL of the four saga tables. Times come from this database's clock only (D10).
package struct SagaStore: Sendable {
    package let type: String

    package init(type: String) { self.type = type }

    /// The rows of a new saga; the caller sends them in the transaction that makes the order.
    package func begin(
        _ orderID: OrderID, in state: String, opening step: Step, schedule: SagaMove.Schedule,
        traceparent: String?
    ) -> [Statement] {
        let order = Parameter.id(orderID.value)
        return [
            Statement(
                """
                INSERT INTO saga_log (order_id, saga_type, seq, from_state, to_state, cause)
                VALUES ($1, $2, 1, 'NEW', $3, 'placed')
                """, [order, .text(type), .text(state)]),
            Statement(
                """
                INSERT INTO saga_instances (order_id, saga_type, state, version, open_steps, next_attempt_at, deadline_at, traceparent)
                VALUES ($1, $2, $3, 1, $4, clock_timestamp() + make_interval(secs => $5::float8 / 1000),
                    clock_timestamp() + make_interval(secs => $6::float8 / 1000), $7)
                """,
                [
                    order, .text(type), .text(state), .integer(Set([step]).mask),
                    .integer(schedule.nextAttempt.inMilliseconds),
                    schedule.deadline.map { .integer($0.inMilliseconds) } ?? .null,
                    traceparent.map { .text($0) } ?? .null,
                ]),
            Self.open(step, of: order, type, sequence: 1),
        ]
    }

    /// Loads a saga and locks its row; nil when the order has none.
    ///
    /// With `dueOnly`, also nil when its timer is not due any more or another replica holds the row.
    package func load(
        _ orderID: OrderID, dueOnly: Bool = false, also others: [Statement] = [],
        in transaction: Transaction
    ) async throws -> (saga: SagaSnapshot, others: [QueryResult])? {
        let parameters: [Parameter] = [.id(orderID.value), .text(type)]
        let due = "AND next_attempt_at <= clock_timestamp() FOR UPDATE SKIP LOCKED"
        let instance = Statement(
            """
            SELECT state, version, open_steps, cancel_requested, tries, reason, parked_reason, traceparent,
                coalesce(deadline_at <= clock_timestamp(), false) AS past_deadline
            FROM saga_instances WHERE order_id = $1 AND saga_type = $2 \(dueOnly ? due : "FOR UPDATE")
            """, parameters)
        let steps = Statement(
            """
            SELECT step, step_seq, status, sends,
                (extract(epoch FROM clock_timestamp() - first_sent_at) * 1000000)::bigint AS age
            FROM saga_steps WHERE order_id = $1 AND saga_type = $2
            """, parameters)
        let results = try await transaction.pipeline([instance, steps] + others)
        guard let row = results[0].rows.first else { return nil }
        var records: [Step: StepRecord] = [:]
        for step in results[1].rows {
            guard let name = Step(rawValue: try step.text("step")),
                let status = StepRecord.Status(rawValue: try step.text("status"))
            else { continue }
            records[name] = StepRecord(
                sequence: try step.integer("step_seq"), status: status,
                sends: Int(try step.integer("sends")),
                age: .microseconds(max(0, try step.integer("age"))))
        }
        let saga = SagaSnapshot(
            orderID: orderID, type: type, state: try row.text("state"),
            version: try row.integer("version"),
            openSteps: Set(mask: try row.integer("open_steps")),
            cancelRequested: try row.boolean("cancel_requested"),
            tries: Int(try row.integer("tries")),
            isPastDeadline: try row.boolean("past_deadline"),
            reason: try row.optionalText("reason"),
            parkedReason: try row.optionalText("parked_reason"),
            traceparent: try row.optionalText("traceparent"), steps: records)
        return (saga, Array(results.dropFirst(2)))
    }

    /// The rows of a transition.
    package func apply(_ move: SagaMove, to saga: SagaSnapshot) -> [Statement] {
        let order = Parameter.id(saga.orderID.value)
        let next = saga.version + 1
        var statements = [
            Statement(
                """
                INSERT INTO saga_log (order_id, saga_type, seq, from_state, to_state, cause, cause_message_id)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                """,
                [
                    order, .text(type), .integer(next), .text(saga.state), .text(move.to),
                    .text(move.cause), move.causeMessageID.map { .id($0) } ?? .null,
                ]),
            Statement(
                """
                UPDATE saga_instances SET state = $3, version = $4, open_steps = $5, tries = 0, failures = 0,
                    next_attempt_at = clock_timestamp() + make_interval(secs => $6::float8 / 1000),
                    deadline_at = CASE WHEN $6::float8 IS NULL THEN NULL
                        ELSE coalesce(clock_timestamp() + make_interval(secs => $7::float8 / 1000), deadline_at) END,
                    reason = coalesce($8, reason), parked_reason = $9
                WHERE order_id = $1 AND saga_type = $2
                """,
                [
                    order, .text(type), .text(move.to), .integer(next),
                    .integer(move.openSteps.mask),
                    move.schedule.map { .integer($0.nextAttempt.inMilliseconds) } ?? .null,
                    (move.schedule?.deadline).map { .integer($0.inMilliseconds) } ?? .null,
                    move.reason.map { .text($0) } ?? .null,
                    move.parkedReason.map { .text($0) } ?? .null,
                ]),
        ]
        for closing in move.closes { statements.append(Self.close(closing, of: order, type)) }
        for step in move.opens {
            statements.append(Self.open(step, of: order, type, sequence: next))
        }
        return statements
    }

    /// A timer's save: the open steps are sent once more. It adds no log row.
    package func resend(_ saga: SagaSnapshot, wait: Duration, parkedReason: String?) -> [Statement]
    {
        [
            Statement(
                """
                UPDATE saga_instances SET tries = tries + 1, failures = 0,
                    parked_reason = coalesce($4, parked_reason),
                    next_attempt_at = clock_timestamp() + make_interval(secs => $3::float8 / 1000)
                WHERE order_id = $1 AND saga_type = $2
                """,
                [
                    .id(saga.orderID.value), .text(type), .integer(wait.inMilliseconds),
                    parkedReason.map { .text($0) } ?? .null,
                ]),
            Statement(
                """
                UPDATE saga_steps SET sends = sends + 1
                WHERE order_id = $1 AND saga_type = $2 AND step = ANY($3)
                """,
                [
                    .id(saga.orderID.value), .text(type),
                    .texts(saga.openSteps.map(\.rawValue).sorted()),
                ]),
        ]
    }

    /// A late or duplicate reply leaves nothing but a count.
    package func countLate(_ step: Step, of orderID: OrderID) -> Statement {
        Statement(
            """
            UPDATE saga_steps SET late_count = late_count + 1
            WHERE order_id = $1 AND saga_type = $2 AND step = $3
            """, [.id(orderID.value), .text(type), .text(step.rawValue)])
    }

    /// Leaves a saga for a person, with the reason; its state and its timers stay.
    package func park(_ orderID: OrderID, reason: String) -> Statement {
        Statement(
            "UPDATE saga_instances SET parked_reason = $3 WHERE order_id = $1 AND saga_type = $2",
            [.id(orderID.value), .text(type), .text(reason)])
    }

    /// Sagas that one run of `wakeAll` wakes at most: far less work than `statement_timeout` allows.
    package static let wakeMax = 5_000

    /// Wakes open sagas, spread evenly over `spread`: part of the refill after a broker loss (D9).
    ///
    /// One run wakes at most `wakeMax`; run it until it affects no row. A saga is woken once per
    /// broker epoch, and one that began within the epoch not at all, so that comes to an end however
    /// busy the service is.
    package static func wakeAll(within spread: Duration) -> Statement {
        Statement(
            """
            UPDATE saga_instances SET woken_at = clock_timestamp(), next_attempt_at = least(next_attempt_at,
                clock_timestamp() + random() * make_interval(secs => $1::float8 / 1000))
            WHERE (order_id, saga_type) IN (
                SELECT order_id, saga_type FROM saga_instances
                WHERE next_attempt_at IS NOT NULL AND woken_at < (SELECT max(first_seen) FROM broker_epochs)
                ORDER BY next_attempt_at LIMIT $2 FOR UPDATE)
            """, [.integer(spread.inMilliseconds), .integer(Int64(wakeMax))])
    }

    /// Puts a due saga off whose timer ended in an error: `base`, doubled for each failure in a row up
    /// to `cap`, and a part of it at random. One that is not due any more is left alone.
    package func putOff(_ orderID: OrderID, base: Duration, cap: Duration) -> Statement {
        Statement(
            """
            UPDATE saga_instances SET failures = failures + 1, next_attempt_at = clock_timestamp()
                + make_interval(secs => (0.5 + random() / 2)
                    * least($3::float8 * power(2, least(failures, 20)), $4::float8) / 1000)
            WHERE order_id = $1 AND saga_type = $2 AND next_attempt_at <= clock_timestamp()
            """,
            [
                .id(orderID.value), .text(type), .integer(base.inMilliseconds),
                .integer(cap.inMilliseconds),
            ])
    }

    /// The embedded migrations of this module; they come after Messaging's.
    package static var migrations: [Migration] {
        [Migration(name: "m0051_saga", bytes: PackageResources.m0051_saga_sql)]
    }

    private static func open(_ step: Step, of order: Parameter, _ type: String, sequence: Int64)
        -> Statement
    {
        Statement(
            """
            INSERT INTO saga_steps (order_id, saga_type, step, step_seq, status)
            VALUES ($1, $2, $3, $4, 'OPEN')
            """, [order, .text(type), .text(step.rawValue), .integer(sequence)])
    }

    private static func close(_ closing: SagaMove.Closing, of order: Parameter, _ type: String)
        -> Statement
    {
        Statement(
            """
            UPDATE saga_steps SET status = $4, reply_code = $5, replied_at = clock_timestamp()
            WHERE order_id = $1 AND saga_type = $2 AND step = $3
            """,
            [
                order, .text(type), .text(closing.step.rawValue), .text(closing.status.rawValue),
                .text(closing.replyCode),
            ])
    }
}
