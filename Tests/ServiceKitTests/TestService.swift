import Basics
import Configuration
import Foundation
import HTTP
import HTTPClient
import Sockets
import Synchronization
import Telemetry
import Testing

@testable import ServiceKit

/// A service that a test starts on free ports and talks to.
struct TestService: Sendable {
    let context: ServiceContext
    let sink: MemorySink
    let client: Client
    let runtime: ServiceRuntime
    let ports: BoundPorts

    /// Runs the service around `body`, then ends it gracefully.
    ///
    /// - Returns: the error that `ServiceRuntime.run` ended with, if any.
    @discardableResult
    static func run(
        settings: RuntimeSettings = RuntimeSettings(),
        compose: @Sendable (ServiceContext) throws -> Composition,
        _ body: @Sendable (TestService) async throws -> Void
    ) async throws -> (any Error)? {
        let (context, sink) = try makeContext()
        defer { context.loop.stop() }
        return try await withTaskExecutorPreference(context.loop) {
            let client = Client(
                loop: context.loop, configuration: ClientConfiguration(), logger: context.logger)
            let runtime = ServiceRuntime(
                context: context, composition: try compose(context), settings: settings)
            let listening = OneShot<BoundPorts>()
            async let ended: (any Error)? = {
                do {
                    try await runtime.run { listening.succeed($0) }
                    return nil
                } catch {
                    listening.fail(error)
                    return error
                }
            }()
            do {
                let ports = try await listening.value()
                try await body(
                    TestService(
                        context: context, sink: sink, client: client, runtime: runtime,
                        ports: ports))
            } catch {
                runtime.shutDown(because: "the test failed")
                if let cause = await ended { return cause }
                throw error
            }
            runtime.shutDown(because: "test")
            return await ended
        }
    }

    static func makeContext() throws -> (ServiceContext, MemorySink) {
        let sink = MemorySink()
        let loop = try EventLoop(name: "test")
        loop.start()
        let context = ServiceContext(
            name: "test", loop: loop, logger: Logger(service: "test", level: .debug, sink: sink),
            metrics: MetricsRegistry(), environment: EnvironmentReader([:]))
        return (context, sink)
    }

    struct Answer {
        var status: Int
        var headers: Headers
        var text: String
    }

    func get(
        _ path: String, operations: Bool = false, headers: [(String, String)] = []
    ) async throws -> Answer {
        let port = (operations ? ports.operations : ports.api) ?? 0
        var fields = Headers()
        for (name, value) in headers { fields.add(name, value) }
        let response = try await client.send(
            ClientRequest(
                method: .get, url: "http://127.0.0.1:\(port)\(path)", headers: fields, body: []))
        let body = try await response.body.collect(upTo: 1 << 20)
        return Answer(
            status: response.status, headers: response.headers,
            text: String(decoding: body, as: UTF8.self))
    }

    /// Asks until the condition holds, at most ten seconds.
    func eventually(
        _ what: String, _ condition: @Sendable () async throws -> Bool
    ) async throws {
        let deadline = Deadline.after(.seconds(10))
        while try await !condition() {
            try #require(!deadline.isPast, "waited too long: \(what)")
            try await context.loop.sleep(for: .milliseconds(10))
        }
    }

    func log(_ text: String) -> [String] { sink.lines.filter { $0.contains(text) } }
}

/// Lets tests hold a piece of the service until they allow it to go on.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [OneShot<Void>] = []
    }

    private let state = Mutex(State())

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            return state.waiters
        }
        for waiter in waiters { waiter.succeed() }
    }

    func wait() async throws {
        let cell = OneShot<Void>()
        let isOpen = state.withLock { state in
            if !state.isOpen { state.waiters.append(cell) }
            return state.isOpen
        }
        if !isOpen { try await cell.value() }
    }
}

/// An ordered list that parts of a service write to.
final class Journal: Sendable {
    private let list = Mutex<[String]>([])

    func add(_ entry: String) { list.withLock { $0.append(entry) } }
    var entries: [String] { list.withLock { $0 } }
}

struct Refusal: Error, CustomStringConvertible {
    let description: String
}
