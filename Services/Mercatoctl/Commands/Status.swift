import Foundation
import NativeServers

extension Commands {
    /// A table of the stack's processes. Exit 1 unless all of them run and are ready.
    ///
    /// Elsewhere it is what the gateway's admin port says of each service.
    func status() async throws -> ExitCode {
        let places = try places()
        guard places.options.admin == nil, try await places.kind(for: .admin) == .native else {
            return try await places.with(.admin) { try await remoteStatus($0) }
        }
        guard let file = try stack.file(), !file.entries.isEmpty else {
            terminal.line("Mercato is not running; start it with: mercatoctl up")
            return .failed
        }
        // Databases first, gateway last, whatever order they happened to start in.
        let entries = file.entries.sorted {
            (-StackStopper.rank($0), $0.name) < (-StackStopper.rank($1), $1.name)
        }
        let rows = try await Blocking.run { entries.map(ProcessRow.init) }
        for line in ProcessRow.table(rows) { terminal.line(line) }
        terminal.line()
        terminal.line("shop \(file.publicURL)/   admin \(file.adminURL)/admin/status")
        if let jaeger = file.jaegerURL { terminal.line("traces \(jaeger)/") }
        terminal.line("logs \(settings.home)/log")
        return rows.allSatisfy(\.isReady) ? .done : .failed
    }
}

/// One line of `mercatoctl status`.
struct ProcessRow: Sendable {
    let columns: [String]
    let isReady: Bool

    init(columns: [String], isReady: Bool) {
        self.columns = columns
        self.isReady = isReady
    }

    /// Asks the process; blocks for up to a second.
    init(_ entry: StackFile.Entry) {
        let process = entry.process
        let isRunning = process.isRunning
        let state = isRunning ? Self.readiness(entry.launch) : (ready: false, text: "ended")
        isReady = state.ready
        let megabytes = process.residentBytes.map { "\($0 / 1_048_576) MB" }
        columns = [
            entry.name, isRunning ? String(process.pid) : "-", String(entry.launch.port),
            megabytes ?? "-", state.text,
        ]
    }

    /// `ready`, or the causes that `/readyz` names.
    private static func readiness(_ launch: Launch) -> (ready: Bool, text: String) {
        guard case .answers(let port, let path) = launch.readiness else {
            let ready = launch.answersNow()
            return (ready, ready ? "ready" : "not ready")
        }
        guard let answer = SocketProbe.status(port: port, path: path) else {
            return (false, "does not answer")
        }
        return readiness(code: answer.code, body: answer.body)
    }

    /// The answer of `/readyz` as a line: the state, and each check that is not ready with its cause.
    static func readiness(code: Int, body: String) -> (ready: Bool, text: String) {
        let report: JSONObject
        do {
            report = try JSONObject(Array(body.utf8), what: "readyz")
        } catch {
            // Not every server that we wait for speaks JSON; its status code has to do.
            return (code == 200, code == 200 ? "ready" : "not ready: \(body.prefix(120))")
        }
        let status = report.optionalText("status") ?? (code == 200 ? "ready" : "not_ready")
        if code == 200, status == "ready" { return (true, "ready") }
        let checks = report.optionalObject("checks")
        let causes = (checks?.names ?? []).compactMap { name -> String? in
            guard let check = checks?.optionalObject(name),
                let state = check.optionalText("status"), state != "ready"
            else { return nil }
            return "\(name): \(check.optionalText("cause") ?? state)"
        }
        return (code == 200, ([status] + causes).joined(separator: "; "))
    }

    static func table(_ rows: [ProcessRow]) -> [String] {
        let lines = [["process", "pid", "port", "memory", "state"]] + rows.map(\.columns)
        let widths = (0..<4).map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { columns in
            columns.enumerated().map { index, text in
                guard index < widths.count else { return text }
                let pad = String(repeating: " ", count: widths[index] - text.count)
                // Numbers are read from the right.
                return (1...3).contains(index) ? pad + text : text + pad
            }.joined(separator: "  ")
        }
    }
}
