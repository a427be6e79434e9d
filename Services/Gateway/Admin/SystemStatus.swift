import Basics
import HTTP
import HTTPClient
import ServiceKit

/// `/admin/status`: what every service says about itself, asked at the same time.
///
/// `{"at","status","services":[{"service","status","version","pid","started_at","checks",
/// "api_port","operations_port","cause"?}]}`; a status is ready, degraded, not_ready or unreachable.
struct SystemStatus: Sendable {
    /// For both questions to one service together.
    static let probeTimeout: Duration = .seconds(1)
    /// Answers of probes are short; more is not read.
    static let probeBodyMax = 64 * 1024

    let context: ServiceContext
    let configuration: GatewayConfiguration
    let client: Client

    func report() async -> JSONValue {
        var services: [JSONValue] = [own]
        await withTaskGroup(of: (Int, JSONValue).self) { group in
            for (index, address) in configuration.services.enumerated() {
                group.addTask(executorPreference: context.loop) { (index, await probe(address)) }
            }
            var found: [(Int, JSONValue)] = []
            for await entry in group { found.append(entry) }
            services += found.sorted { $0.0 < $1.0 }.map(\.1)
        }
        return [
            "at": .string(WallTime.now().iso8601), "status": .string(Self.worst(of: services)),
            "services": .array(services),
        ]
    }

    private var own: JSONValue {
        [
            "service": .string(context.name), "version": .string(ProgramVersion.text),
            "status": context.readiness.isReady ? "ready" : "not_ready",
            "api_port": .integer(Int64(configuration.apiPort)),
            "operations_port": .integer(Int64(configuration.adminPort)),
        ]
    }

    private func probe(_ address: ServiceAddress) async -> JSONValue {
        var entry: [String: JSONValue] = ["service": .string(address.service.rawValue)]
        entry["api_port"] = Self.port(of: address.url)
        entry["operations_port"] = Self.port(of: address.operationsURL)
        let deadline = Deadline.after(Self.probeTimeout)
        async let alive = ask(address.operationsURL + "/livez", deadline)
        async let ready = ask(address.operationsURL + "/readyz", deadline)
        do {
            let (alive, ready) = try await (alive, ready)
            for key in ["version", "pid", "started_at"] { entry[key] = alive[key] }
            entry["status"] = ready["status"] ?? "not_ready"
            entry["checks"] = ready["checks"]
        } catch let error as ClientError {
            entry["status"] = "unreachable"
            entry["cause"] = .string(error.code.rawValue)
        } catch {
            entry["status"] = "unreachable"
            entry["cause"] = "malformed"
        }
        return .object(entry)
    }

    /// 503 of `/readyz` is an answer too.
    private func ask(_ url: String, _ deadline: Deadline) async throws -> JSONValue {
        let answer = try await client.send(ClientRequest(url: url), deadline: deadline)
        return try JSONCoding.decode(
            JSONValue.self, from: try await answer.body.collect(upTo: Self.probeBodyMax))
    }

    private static func port(of url: String) -> JSONValue {
        let digits = url.split(separator: ":").last.map { $0.prefix { $0.isNumber } } ?? ""
        return Int64(digits).map(JSONValue.integer) ?? .integer(80)
    }

    /// One service that cannot serve makes the whole not ready.
    private static func worst(of services: [JSONValue]) -> String {
        let statuses = services.compactMap { $0["status"]?.text }
        if statuses.contains(where: { $0 != "ready" && $0 != "degraded" }) { return "not_ready" }
        return statuses.contains("degraded") ? "degraded" : "ready"
    }
}
