/// What the gateway's admin port says about everybody: the second witness of every fault, and the
/// judge of readiness before a run.
package struct AdminView: Sendable {
    package struct Service: Sendable, Equatable {
        package let name: String
        /// ready, degraded, not_ready or unreachable.
        package let status: String
        /// Why it is unreachable, or the checks that are not ready.
        package let causes: [String]

        var text: String {
            causes.isEmpty ? status : "\(status) (\(causes.joined(separator: ", ")))"
        }
    }

    private let admin: AdminAPI

    package init(_ admin: AdminAPI) { self.admin = admin }

    package func services() async throws -> [Service] {
        let answer = try await admin.get("/admin/status")
        return try Self.services(JSONObject(answer.body, what: "/admin/status"))
    }

    package static func services(_ report: JSONObject) throws(CommandFailure) -> [Service] {
        var services: [Service] = []
        for entry in try report.objects("services") {
            let checks = entry.optionalObject("checks")
            let failing = (checks?.names ?? []).filter { name in
                let status = checks?.optionalObject(name)?.optionalText("status")
                return status != nil && status != "ready"
            }
            services.append(
                Service(
                    name: try entry.text("service"), status: try entry.text("status"),
                    causes: entry.optionalText("cause").map { [$0] } ?? failing))
        }
        return services
    }

    /// The services as sightings. It proves a fault when the target itself is unreachable, or when
    /// services miss the very database or broker that is the target.
    package func look(for fault: ChaosFault) async -> [Sighting] {
        do {
            return try await services().map { Self.sighting($0, fault) }
        } catch {
            // Only the gateway can be at fault for that.
            return [
                Sighting(
                    "the admin port", "does not answer",
                    provesFault: fault.target == .gateway && fault.action != .provider)
            ]
        }
    }

    package static func sighting(_ service: Service, _ fault: ChaosFault) -> Sighting {
        let isTarget = service.name == fault.target.service && service.status == "unreachable"
        let owner = "postgres-\(service.name)" == fault.target.rawValue
        let misses = service.causes.contains { cause in
            (owner && cause.hasPrefix("postgres")) || (fault.target == .broker && cause == "kafka")
        }
        return Sighting(
            "the gateway about \(service.name)", service.text,
            provesFault: fault.action != .provider && (isTarget || misses))
    }
}
