extension Commands {
    /// What the gateway's admin port says of each service. Exit 1 unless all of them are ready.
    func remoteStatus(_ place: Place) async throws -> ExitCode {
        let answer = try await place.admin(calls).get("/admin/status")
        let report = try JSONObject(answer.body, what: "/admin/status")
        let services = try report.objects("services")
        for line in ServiceRow.table(try services.map(ServiceRow.init)) { terminal.line(line) }
        terminal.line()
        terminal.line("\(place.kind.rawValue): admin \(place.adminURL)/admin/status")
        let status = try report.text("status")
        return ["ready", "degraded"].contains(status) ? .done : .failed
    }
}

/// One service of `/admin/status`.
struct ServiceRow: Sendable {
    let columns: [String]

    init(_ service: JSONObject) throws(CommandFailure) {
        let status = try service.text("status")
        let checks = service.optionalObject("checks")
        let causes = (checks?.names ?? []).compactMap { name -> String? in
            guard let check = checks?.optionalObject(name),
                let state = check.optionalText("status"), state != "ready"
            else { return nil }
            return "\(name): \(check.optionalText("cause") ?? state)"
        }
        let cause = service.optionalText("cause").map { [$0] } ?? []
        columns = [
            try service.text("service"), service.optionalText("version") ?? "-",
            ([status] + cause + causes).joined(separator: "; "),
        ]
    }

    static func table(_ rows: [ServiceRow]) -> [String] {
        let lines = [["service", "version", "state"]] + rows.map(\.columns)
        let widths = (0..<2).map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { columns in
            columns.enumerated().map { index, text in
                guard index < widths.count else { return text }
                return text + String(repeating: " ", count: widths[index] - text.count)
            }.joined(separator: "  ")
        }
    }
}
