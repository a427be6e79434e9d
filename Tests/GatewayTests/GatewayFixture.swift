import Basics
import Configuration
import Foundation
import HTTP
import HTTPServer
import ServiceKit
import Sockets
import Support
import Synchronization
import Telemetry
import Testing

@testable import GatewayService

/// A gateway whose upstreams are one server of the test; calls go through the gateway's router.
struct GatewayFixture {
    static let customer = "018f2c6e-0000-7000-8000-00000000c057"
    static let bearer = "Bearer demo-" + customer

    let context: ServiceContext
    let composition: Composition
    let upstreamPort: Int

    /// An answer of the gateway with its body collected.
    struct Answer {
        let status: Int
        let headers: Headers
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
        var code: String? { json["code"]?.text }
        var json: JSONValue {
            do { return try JSONCoding.decode(JSONValue.self, from: body) } catch { return .null }
        }
    }

    /// `upstream` plays every service, on both of its ports.
    static func run(
        environment: [String: String] = ["MERCATO_DEMO_IDENTITY": "on"],
        policies: String? = nil,
        upstream: (inout Router) -> Void = { _ in },
        _ body: (GatewayFixture) async throws -> Void
    ) async throws {
        let loop = try EventLoop(name: "gateway-test")
        loop.start()
        defer {
            loop.stop()
            loop.join()
        }
        let logger = Logger(service: "test", sink: MemorySink())
        var router = Router()
        upstream(&router)
        var limits = ServerLimits()
        limits.drain = .seconds(1)
        limits.streamDrain = .milliseconds(10)
        limits.halfCloseGrace = .milliseconds(10)
        let server = Server(
            configuration: ServerConfiguration(port: 0, limits: limits), router: router, loop: loop,
            logger: logger, metrics: MetricsRegistry())
        let port = try await server.start()
        let serving = Task(executorPreference: loop) { try await server.run() }
        var values: [String: String] = [:]
        for service in KnownService.allCases {
            values["MERCATO_URL_\(service.key)"] = "http://127.0.0.1:\(port)"
            values["MERCATO_OPS_URL_\(service.key)"] = "http://127.0.0.1:\(port)/"
        }
        values.merge(environment) { _, given in given }
        if let policies { values["MERCATO_GATEWAY_POLICIES"] = try Policies.write(policies) }
        let context = ServiceContext(
            name: "gateway", loop: loop, logger: logger, metrics: MetricsRegistry(),
            environment: EnvironmentReader(values))
        let fixture = GatewayFixture(
            context: context, composition: try GatewayApplication.compose(context),
            upstreamPort: port)
        let services = fixture.composition.services.map { service in
            // Reason: what a service's runtime would run; ended below.
            Task(executorPreference: loop) { try await service.run() }
        }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(fixture))
        } catch {
            outcome = .failure(error)
        }
        for service in services { service.cancel() }
        for service in services { _ = await service.result }
        serving.cancel()
        try await serving.value
        try outcome.get()
    }

    func api(
        _ method: Method, _ target: String, headers: Headers = [:], body: String = "",
        peer: String = "192.0.2.7"
    ) async throws -> Answer {
        var all: Headers = ["authorization": Self.bearer, "host": "shop.example"]
        for field in headers { all[field.name] = field.value }
        return try await Self.collect(
            await composition.api.respond(
                to: try Request(
                    method, target, headers: all, body: Array(body.utf8),
                    context: RequestContext(peer: peer))))
    }

    func admin(
        _ method: Method, _ target: String, headers: Headers = [:], body: String = ""
    ) async throws -> Answer {
        try await Self.collect(
            await composition.operations.respond(
                to: try Request(method, target, headers: headers, body: Array(body.utf8))))
    }

    static func collect(_ response: Response) async throws -> Answer {
        var bytes: [UInt8] = []
        switch response.body {
        case .empty: break
        case .bytes(let all): bytes = all
        case .stream(_, let write):
            let writer = CollectingWriter()
            try await write(writer)
            bytes = writer.bytes
        }
        return Answer(status: response.status, headers: response.headers, body: bytes)
    }
}

/// Policies files of tests.
enum Policies {
    /// Writes a file and returns its path.
    static func write(_ text: String) throws -> String {
        let path = try ScratchFolder.make("policies") + "/policies.yaml"
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    static let routes = ["GET /", "GET /v1/products", "GET /v1/products/{sku}", "POST /v1/orders"]

    static func parse(_ text: String) throws -> PolicyFile {
        try PolicyFile(text: text, name: "policies.yaml", source: "test", routes: routes)
    }
}

extension MetricsRegistry {
    /// A series' value as the page of metrics shows it; nil when there is none.
    func value(_ name: String, _ labels: String) -> Double? {
        render().split(separator: "\n").first { $0.hasPrefix("\(name){\(labels)} ") }
            .flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }
    }
}

final class CollectingWriter: BodyWriter {
    private let collected = Mutex<[UInt8]>([])

    var bytes: [UInt8] { collected.withLock { $0 } }

    func write(_ bytes: [UInt8]) async throws { collected.withLock { $0 += bytes } }
}

/// The last request an upstream saw.
final class Seen: Sendable {
    private let requests = Mutex<[Request]>([])

    func add(_ request: Request) { requests.withLock { $0.append(request) } }
    var all: [Request] { requests.withLock { $0 } }
    var last: Request? { all.last }
    var count: Int { all.count }
}
