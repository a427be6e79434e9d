import Foundation
package import HTTP
import HTTPServer
package import Sockets
import Synchronization

/// A stand-in for an OpenTelemetry collector: takes OTLP/HTTP JSON and keeps every span.
package final class TraceCollector: Sendable {
    /// A request as it came.
    package struct Delivery: Sendable {
        package let headers: Headers
        package let body: [UInt8]
    }

    private struct State {
        var port = 0
        var spans: [CollectedSpan] = []
        var deliveries: [Delivery] = []
        var answers: [Response] = []
    }

    /// The largest batch taken, in bytes.
    package static let bodyMax = 32 << 20

    private let state = Mutex(State())

    private init() {}

    /// Listens on the loopback address until `body` returns; 0 is any free port.
    package static func run<Value: Sendable>(
        on loop: EventLoop, port: Int = 0, _ body: (TraceCollector) async throws -> Value
    ) async throws -> Value {
        let (collector, server) = try await listening(on: loop, port: port)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: loop) { try await server.run() }
            defer { group.cancelAll() }
            return try await body(collector)
        }
    }

    /// Listens until the end of the test process, on a loop of its own.
    package static func start() async throws -> TraceCollector {
        let loop = try EventLoop(name: "collector")
        loop.start()
        let (collector, server) = try await listening(on: loop, port: 0)
        // Reason: it serves all tests of the process, and nobody waits for its end.
        _ = Task(executorPreference: loop) { try await server.run() }
        return collector
    }

    private static func listening(on loop: EventLoop, port: Int) async throws
        -> (TraceCollector, Server)
    {
        let collector = TraceCollector()
        var router = Router()
        router.on(.post, "/v1/traces", bodyLimit: bodyMax) { try collector.take($0) }
        let server = Server(
            configuration: ServerConfiguration(host: "127.0.0.1", port: port, name: "collector"),
            router: router, loop: loop, logger: QuietLog.logger(), metrics: QuietLog.metrics())
        let bound = try await server.start()
        collector.state.withLock { $0.port = bound }
        return (collector, server)
    }

    private func take(_ request: Request) throws -> Response {
        let scripted = state.withLock { state -> Response? in
            state.deliveries.append(Delivery(headers: request.headers, body: request.body))
            return state.answers.isEmpty ? nil : state.answers.removeFirst()
        }
        if let scripted, scripted.status >= 300 { return scripted }
        let spans = try JSONDecoder().decode(OTLPRequest.self, from: Data(request.body)).spans
        state.withLock { $0.spans += spans }
        return scripted ?? .bytes(200, Array("{}".utf8), type: "application/json")
    }

    package var port: Int { state.withLock { $0.port } }
    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    package var endpoint: String { "http://127.0.0.1:\(port)" }
    package var spans: [CollectedSpan] { state.withLock { $0.spans } }
    /// The spans of one trace.
    package func spans(of trace: String) -> [CollectedSpan] { spans.filter { $0.trace == trace } }
    package var deliveries: [Delivery] { state.withLock { $0.deliveries } }

    /// The next deliveries get these answers; a status from 300 on means that no span is kept.
    package func answer(_ answers: [Response]) { state.withLock { $0.answers = answers } }
}

/// A span as it came over the wire.
package struct CollectedSpan: Sendable, Hashable {
    package let trace: String
    package let id: String
    /// Empty for a root.
    package let parent: String
    package let service: String
    package let name: String
    package let kind: Int
    /// Nanoseconds since 1970.
    package let start: Int64
    package let end: Int64
    package let attributes: [String: String]
    package let isFailed: Bool
}

/// The part of an OTLP request that tests look at. Strict where the protocol is: 64-bit integers must
/// be strings, ids hex of the right length.
private struct OTLPRequest: Decodable {
    struct Value: Decodable {
        let stringValue: String?
        let intValue: String?
        let doubleValue: Double?
        let boolValue: Bool?

        var text: String {
            stringValue ?? intValue ?? doubleValue.map { "\($0)" } ?? boolValue.map { "\($0)" } ?? ""
        }
    }
    struct Attribute: Decodable {
        let key: String
        let value: Value
    }
    struct Status: Decodable { let code: Int? }
    struct Span: Decodable {
        let traceId: String
        let spanId: String
        let parentSpanId: String?
        let name: String
        let kind: Int
        let startTimeUnixNano: String
        let endTimeUnixNano: String
        let attributes: [Attribute]
        let status: Status
    }
    struct ScopeSpans: Decodable { let spans: [Span] }
    struct Resource: Decodable { let attributes: [Attribute] }
    struct ResourceSpans: Decodable {
        let resource: Resource
        let scopeSpans: [ScopeSpans]
    }
    struct Malformed: Error { let what: String }

    let resourceSpans: [ResourceSpans]

    var spans: [CollectedSpan] {
        get throws {
            try resourceSpans.flatMap { resource in
                let service = resource.resource.attributes.first { $0.key == "service.name" }
                return try resource.scopeSpans.flatMap(\.spans).map {
                    try Self.collected($0, service?.value.text ?? "")
                }
            }
        }
    }

    private static func collected(_ span: Span, _ service: String) throws -> CollectedSpan {
        func hex(_ text: String, _ count: Int) throws -> String {
            guard text.utf8.count == count, text.allSatisfy(\.isHexDigit) else {
                throw Malformed(what: "id \(text)")
            }
            return text
        }
        guard let start = Int64(span.startTimeUnixNano), let end = Int64(span.endTimeUnixNano) else {
            throw Malformed(what: "times of \(span.name)")
        }
        return CollectedSpan(
            trace: try hex(span.traceId, 32), id: try hex(span.spanId, 16),
            parent: try span.parentSpanId.map { try hex($0, 16) } ?? "", service: service,
            name: span.name, kind: span.kind, start: start, end: end,
            attributes: Dictionary(
                span.attributes.map { ($0.key, $0.value.text) }, uniquingKeysWith: { $1 }),
            isFailed: span.status.code == 2)
    }
}
