import Basics
import Glibc
import HTTP
import Telemetry

/// The routes every process has on its operations listener (HC-1, BH-5).
struct OperationsRoutes: Sendable {
    let context: ServiceContext
    let startedAt = WallTime.now()

    /// Adds the routes to a service's own.
    func add(to router: Router) -> Router {
        var router = router
        router.on(.get, "/livez") { _ in try alive() }
        router.on(.get, "/readyz") { _ in try ready() }
        router.on(.get, "/metrics") { _ in metrics() }
        return router
    }

    private struct Alive: Encodable {
        let status = "alive"
        let service: String
        let version: String
        let pid: Int32
        let startedAt: WallTime

        enum CodingKeys: String, CodingKey {
            case status, service, version, pid
            case startedAt = "started_at"
        }
    }

    private func alive() throws -> Response {
        try .json(
            200,
            Alive(
                service: context.name, version: ProgramVersion.text, pid: getpid(),
                startedAt: startedAt))
    }

    private func ready() throws -> Response {
        let report = context.readiness.report
        var response = try Response.json(report.status == "not_ready" ? 503 : 200, report)
        response.headers["cache-control"] = "no-store"
        return response
    }

    private func metrics() -> Response {
        .bytes(
            200, Array(context.metrics.render().utf8),
            type: "text/plain; version=0.0.4; charset=utf-8")
    }
}

/// The version that processes report about themselves.
package enum ProgramVersion {
    package static let text = "0.1.0"
}
