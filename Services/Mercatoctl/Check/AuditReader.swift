import Basics

/// Reads `/internal/audit` of every service through the gateway's admin port, line by line.
///
/// An audit is NDJSON: a head line, a line for each row, and a last line that counts them. Without
/// that last line it is torn, and nothing is concluded from it.
package struct AuditReader: Sendable {
    private let admin: AdminAPI

    /// The order of reading matters: whatever the first shows has its cause in the last, so the
    /// orders are read last and no row seems to belong to an unknown order.
    package static let services = ["payment-provider", "payment", "inventory", "cart", "order"]

    package init(_ admin: AdminAPI) { self.admin = admin }

    /// Everything of everybody.
    ///
    /// - Parameter again: asked once for each service whose audit failed; true reads that audit anew.
    ///   A service may be restarting, or PostgreSQL may have ended a transaction that took too long.
    package func everything(
        again: (CommandFailure) async throws -> Bool = { _ in false }
    ) async throws -> AuditState {
        var state = AuditState()
        for service in Self.services {
            do {
                state = try await added(service, to: state)
            } catch let failure as CommandFailure {
                guard try await again(failure) else { throw failure }
                state = try await added(service, to: state)
            }
        }
        return state
    }

    /// `state` with all rows of one service; half an audit leaves no trace in it.
    private func added(_ service: String, to state: AuditState) async throws -> AuditState {
        var state = state
        try await rows(of: service) { table, row in
            try state.add(table: table, row: row, service: service)
        }
        return state
    }

    package func stockLevels() async throws -> [String: AuditState.Stock] {
        var state = AuditState()
        try await rows(of: "inventory") { table, row in
            if table == "stock" {
                try state.add(table: table, row: row, service: "inventory")
            }
        }
        return state.stock
    }

    /// Hands on each row of one service's audit.
    package func rows(
        of service: String, _ row: (String, JSONObject) throws -> Void
    ) async throws {
        var lines = AuditLines(service: service)
        let status = try await admin.calls.stream(
            "\(admin.url)/admin/\(service)/audit", headers: admin.headers,
            limit: .after(.seconds(120))
        ) { bytes in
            try lines.receive(bytes, row)
            return true
        }
        guard status == 200 else {
            throw CommandFailure(.failed, "the audit of \(service) answered \(status)")
        }
        try lines.finish()
    }
}

/// The NDJSON of one audit, checked for completeness.
package struct AuditLines {
    private let service: String
    private var rest: [UInt8] = []
    private var count: Int64 = 0
    private var isComplete = false

    package init(service: String) { self.service = service }

    package mutating func receive(
        _ bytes: [UInt8], _ row: (String, JSONObject) throws -> Void
    ) throws {
        rest += bytes
        var start = rest.startIndex
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[start..<end]
            start = rest.index(after: end)
            if !line.isEmpty { try take(line, row) }
        }
        rest.removeSubrange(..<start)
    }

    private mutating func take(
        _ line: ArraySlice<UInt8>, _ row: (String, JSONObject) throws -> Void
    ) throws {
        let object = try JSONObject(line, what: "a line of the audit of \(service)")
        let table = try object.text("t")
        let content = try object.object("r")
        switch table {
        case "audit": break
        case "end":
            let announced = try content.integer("rows")
            guard announced == count else {
                throw CommandFailure(
                    .failed, "the audit of \(service) has \(count) rows and says \(announced)")
            }
            isComplete = true
        default:
            count += 1
            try row(table, content)
        }
    }

    /// - Throws: when the stream ended before its last line.
    package func finish() throws(CommandFailure) {
        guard isComplete else {
            throw CommandFailure(.failed, "the audit of \(service) ended early, after \(count) rows")
        }
    }
}
