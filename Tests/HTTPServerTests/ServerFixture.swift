import Basics
import Crypto
import HTTP
import HTTPServer
import Sockets
import Synchronization
import Telemetry
import Testing

/// A running server and what the test may want to look at.
struct Running {
    let server: Server
    let port: Int
    let loop: EventLoop
    let metrics: MetricsRegistry
    let log: MemorySink
    /// Cancels `run`, and returns when it has drained.
    let stop: @Sendable () async throws -> Void

    func client() async throws -> RawClient {
        RawClient(
            try await TCPConnection.connect(
                host: "127.0.0.1", port: port, timeout: .seconds(5), on: loop))
    }

    /// Polls a number until it has stayed the same for a tenth of a second.
    func settled(_ read: () -> Int) async throws -> Int {
        var last = read()
        var same = 0
        while same < 50 {
            try await loop.sleep(for: .milliseconds(2))
            let now = read()
            same = now == last ? same + 1 : 0
            last = now
        }
        return last
    }

    /// Waits until no connection is left.
    func untilNoConnections() async {
        while await server.connectionCount > 0, !Task.isCancelled { await Task.yield() }
    }
}

func withServer(
    limits: ServerLimits = ServerLimits(), tls: ServerTLS? = nil,
    routes: (inout Router) -> Void = { _ in }, _ body: (Running) async throws -> Void
) async throws {
    let loop = try EventLoop(name: "server")
    loop.start()
    defer {
        loop.stop()
        loop.join()
    }
    var router = Router()
    router.on(.get, "/hello") { _ in .text(200, "hello") }
    router.on(.post, "/echo", bodyLimit: 1_000_000) { request in
        .bytes(200, request.body, type: "application/octet-stream")
    }
    router.on(.post, "/small", bodyLimit: 10) { request in .text(200, "\(request.body.count)") }
    routes(&router)
    let metrics = MetricsRegistry()
    let log = MemorySink()
    let server = Server(
        configuration: ServerConfiguration(port: 0, limits: limits, tls: tls), router: router, loop: loop,
        logger: Logger(service: "test", level: .debug, sink: log), metrics: metrics)
    let port = try await server.start()
    let run = Task(executorPreference: loop) { try await server.run() }
    let running = Running(
        server: server, port: port, loop: loop, metrics: metrics, log: log,
        stop: {
            run.cancel()
            try await run.value
        })
    do {
        try await body(running)
    } catch {
        try await running.stop()
        throw error
    }
    try await running.stop()
}

/// Limits that end a test's connections soon.
func quickLimits(_ change: (inout ServerLimits) -> Void = { _ in }) -> ServerLimits {
    var limits = ServerLimits()
    limits.halfCloseGrace = .milliseconds(20)
    limits.lingerTime = .milliseconds(200)
    limits.drain = .seconds(2)
    limits.streamDrain = .milliseconds(20)
    change(&limits)
    return limits
}

/// Bytes in, bytes out: nothing is hidden from the test.
final class RawClient: Sendable {
    struct Answer: Sendable {
        let status: Int
        let headers: [String: String]
        let body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    let connection: TCPConnection

    init(_ connection: TCPConnection) { self.connection = connection }

    func send(_ text: String) async throws { try await connection.write(Array(text.utf8)) }

    /// A request without a body, keep-alive.
    func get(_ path: String, method: String = "GET") async throws -> Answer {
        try await send("\(method) \(path) HTTP/1.1\r\nHost: t\r\n\r\n")
        return try await answer(toHead: method == "HEAD")
    }

    /// Header section and body of the next response. Throws at a premature end.
    func answer(toHead: Bool = false) async throws -> Answer {
        let head = try await read(until: "\r\n\r\n")
        var lines = head.split(separator: "\r\n").map(String.init)
        let status = Int(lines.removeFirst().split(separator: " ")[1]) ?? 0
        var headers: [String: String] = [:]
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] =
                String(parts.count > 1 ? parts[1] : "").drop { $0 == " " }.description
        }
        var body: [UInt8] = []
        if status >= 200, !toHead {
            if headers["transfer-encoding"] == "chunked" {
                while case let piece = try await chunk(), !piece.isEmpty { body += piece }
            } else {
                body = try await readExactly(Int(headers["content-length"] ?? "0") ?? 0)
            }
        }
        return Answer(status: status, headers: headers, body: body)
    }

    /// The next chunk's data; empty for the last.
    func chunk() async throws -> [UInt8] {
        // CR and LF are one character.
        let size = Int(try await read(until: "\r\n").dropLast(1), radix: 16) ?? -1
        return Array(try await readExactly(size + 2).dropLast(2))
    }

    /// Everything up to the server's end; nil when it ended with a reset.
    func rest() async throws -> String? {
        var all: [UInt8] = []
        do throws(SocketError) {
            while true {
                let some = try await connection.read(deadline: .after(.seconds(20)))
                if some.isEmpty { return String(decoding: all, as: UTF8.self) }
                all += some
            }
        } catch {
            guard error.code == .connectionReset else { throw error }
            return nil
        }
    }

    func close() async { await connection.close() }

    private func readExactly(_ count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let some = try await connection.read(
                upTo: count - all.count, deadline: .after(.seconds(20)))
            guard !some.isEmpty else { throw SocketError(.closed, "premature end") }
            all += some
        }
        return all
    }

    private func read(until end: String) async throws -> String {
        var all: [UInt8] = []
        while !all.suffix(end.utf8.count).elementsEqual(end.utf8) {
            all += try await readExactly(1)
        }
        return String(decoding: all, as: UTF8.self)
    }
}

/// Notes things that happen on the server, and lets the test wait for them.
final class Events: Sendable {
    private let names = Mutex<[String]>([])
    private let changed = AsyncSignal()

    func add(_ name: String) {
        names.withLock { $0.append(name) }
        changed.raise()
    }

    var all: [String] { names.withLock { $0 } }

    func wait(for name: String) async throws {
        while !all.contains(name) { try await changed.wait() }
    }
}
