import Telemetry

/// Spans of a pool: one for each transaction, with or without BEGIN, never one for each statement.
///
/// Only work inside a recorded trace makes them; leases, relays and probes run outside of any.
struct DatabaseSpans: Sendable {
    /// What a span stands for, as `db.operation.name`.
    enum Operation: String, Sendable {
        /// One round trip that is its own transaction.
        case batch = "BATCH"
        /// BEGIN to COMMIT or ROLLBACK, the wait for a connection included.
        case transaction = "TRANSACTION"
    }

    private let tracer: Tracer
    /// The same for each span: system, database, server.
    private let place: SpanAttributes

    init(_ tracer: Tracer, to target: ConnectionTarget) {
        self.tracer = tracer
        place = tracer.isEnabled ? Self.place(of: target) : [:]
    }

    /// Nil when nobody records the current trace.
    func start(_ name: String, _ operation: Operation) -> Span? {
        tracer.startInside(
            "sql \(name)", kind: .client,
            attributes: place.merging(
                ["db.operation.name": .string(operation.rawValue), "db.query.summary": .string(name)]
            ) { _, new in new })
    }

    /// By OpenTelemetry's conventions for databases; neither user nor password.
    static func place(of target: ConnectionTarget) -> SpanAttributes {
        let parts = target.parts() ?? [:]
        var attributes: SpanAttributes = ["db.system.name": "postgresql"]
        attributes["db.namespace"] = parts["dbname"].map { .string($0) }
        attributes["server.address"] = (parts["host"] ?? parts["hostaddr"]).map { .string($0) }
        attributes["server.port"] = Int64(parts["port"] ?? "5432").map { .integer($0) }
        return attributes
    }
}

extension PostgresError: SpanFailureNaming {
    /// SQLSTATE when the server gave one (also its meaning in the conventions), else our own code.
    package var spanFailureType: String {
        switch code {
        case .connect: "connect"
        case .connectionLost: "connection_lost"
        case .commitUnknown: "commit_unknown"
        case .rolledBack: "rolled_back"
        case .poolTimeout: "pool_timeout"
        case .poolOverloaded: "pool_overloaded"
        case .sql(let state): state
        case .decoding: "decoding"
        case .invalidStatement: "invalid_statement"
        case .closed: "closed"
        case .timeout: "timeout"
        case .cancelled: "cancelled"
        }
    }
}
