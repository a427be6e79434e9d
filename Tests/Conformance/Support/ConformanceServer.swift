import Basics
import Crypto
import HTTP
import HTTPServer
import Sockets
import Synchronization
import Telemetry

/// Two threads for all tests of this target; they end with the process.
enum Loops {
    static let server = Result { try started("conformance") }
    static let client = Result { try started("client") }

    private static func started(_ name: String) throws -> EventLoop {
        let loop = try EventLoop(name: name)
        loop.start()
        return loop
    }
}

/// Which handlers ran, in order.
final class Handled: Sendable {
    private let names = Mutex<[String]>([])

    func note(_ request: Request) { names.withLock { $0.append("\(request.method) \(request.path)") } }

    var all: [String] { names.withLock { $0 } }
}

/// What a server was asked, for tests that look at whole requests.
final class Calls: Sendable {
    private let requests = Mutex<[Request]>([])

    func note(_ request: Request) { requests.withLock { $0.append(request) } }

    var bodies: [String] { requests.withLock { $0.map { String(decoding: $0.body, as: UTF8.self) } } }

    /// `traceparent` and `tracestate` of each.
    var traces: [(String, String)] {
        requests.withLock { $0.map { ($0.headers["traceparent"] ?? "", $0.headers["tracestate"] ?? "") } }
    }
}

/// A server of one test with the routes that the tables name.
struct Running: Sendable {
    let server: Server
    let port: Int
    let handled: Handled
    let metrics: MetricsRegistry
    let log: MemorySink
    let loop: EventLoop

    func connect() async throws -> Wire { try await Wire.connect(port) }

    /// Sends bytes on a fresh connection and reads until the server has ended it.
    func exchange(_ bytes: [UInt8], isHead: Bool = false) async throws -> Conversation {
        let wire = try await connect()
        try await wire.send(bytes)
        let conversation = try await wire.rest(isHead: isHead)
        await wire.close()
        return conversation
    }

    func exchange(_ text: String) async throws -> Conversation {
        try await exchange(latin1(text))
    }
}

/// Runs a server with its default limits, or others, while `body` talks to it.
func withServer(
    _ limits: ServerLimits = ServerLimits(), tls: ServerTLS? = nil,
    routes: (inout Router, Handled) -> Void = { _, _ in }, _ body: (Running) async throws -> Void
) async throws {
    let loop = try Loops.server.get()
    let handled = Handled()
    var router = Router()
    addRoutes(to: &router, handled)
    routes(&router, handled)
    let metrics = MetricsRegistry()
    let log = MemorySink()
    let server = Server(
        configuration: ServerConfiguration(port: 0, limits: limits, tls: tls), router: router, loop: loop,
        logger: Logger(service: "test", level: .info, sink: log), metrics: metrics)
    let port = try await server.start()
    let run = Task(executorPreference: loop) { try await server.run() }
    let running = Running(
        server: server, port: port, handled: handled, metrics: metrics, log: log, loop: loop)
    do {
        // Not on the pool, which tests that only compute keep busy for longer than a client waits.
        try await withTaskExecutorPreference(Loops.client.get()) { try await body(running) }
    } catch {
        run.cancel()
        try await run.value
        throw error
    }
    run.cancel()
    try await run.value
}

private func addRoutes(to router: inout Router, _ handled: Handled) {
    func on(_ method: HTTP.Method, _ pattern: String, limit: Int = Router.bodyLimitDefault,
        _ handler: @escaping Handler)
    {
        router.on(method, pattern, bodyLimit: limit) { request in
            handled.note(request)
            return try await handler(request)
        }
    }
    on(.get, "/ok") { _ in .text(200, "ok") }
    on(.get, "/p/{name}") { _ in .text(200, "p") }
    on(.get, "/next") { _ in .text(200, "next") }
    on(.get, "/poison") { _ in .text(200, "poison") }
    for method in [HTTP.Method.post, .put, .delete] {
        on(method, "/echo") { request in
            .bytes(200, request.body, type: "application/octet-stream")
        }
    }
    // The same with bodies that the handler reads while they come.
    for method in [HTTP.Method.post, .put, .delete] {
        stream(method, "/flow", limit: Router.bodyLimitDefault, to: &router, handled)
    }
    stream(.post, "/drip", limit: 10, to: &router, handled)
    on(.post, "/small", limit: 10) { request in .text(200, "\(request.body.count)") }
    // Every field that the handler sees, one line each, with values byte for byte.
    on(.post, "/fields") { request in
        let lines = request.headers.map { latin1("\($0.name)=\($0.value)\n") }
        return .bytes(200, Array(lines.joined()), type: "text/plain")
    }
}

private func stream(
    _ method: HTTP.Method, _ pattern: String, limit: Int, to router: inout Router, _ handled: Handled
) {
    router.on(method, pattern, body: .streamed(limit: limit)) { request in
        var body: [UInt8] = []
        for try await piece in request.bodyStream { body += piece }
        handled.note(request)
        return .bytes(200, body, type: "application/octet-stream")
    }
}

/// Limits with a change.
func limits(_ change: (inout ServerLimits) -> Void) -> ServerLimits {
    var limits = ServerLimits()
    change(&limits)
    return limits
}

/// Polls until a condition holds, for as long as a test is patient.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now.advanced(by: Wire.patience)
    while try await !condition() {
        guard ContinuousClock.now < end else { throw SocketError(.timeout, what) }
        try await Loops.client.get().sleep(for: .milliseconds(2))
    }
}
