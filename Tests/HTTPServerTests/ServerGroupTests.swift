import Basics
import HTTP
import HTTPServer
import Sockets
import Synchronization
import Telemetry
import Testing

/// One port, several loops.
@Suite(.timeLimit(.minutes(1)))
struct ServerGroupTests {
    private struct World {
        let group: ServerGroup
        let port: Int
        let loops: [EventLoop]
        let served: Served

        func client() async throws -> RawClient {
            RawClient(
                try await TCPConnection.connect(
                    host: "127.0.0.1", port: port, timeout: .seconds(5), on: loops[0]))
        }
    }

    /// How many requests each loop has answered.
    private final class Served: Sendable {
        private let counts = Mutex<[String: Int]>([:])

        func add(_ loop: String) { counts.withLock { $0[loop, default: 0] += 1 } }

        var loops: Set<String> { counts.withLock { Set($0.keys) } }
    }

    private func withGroup(
        port: Int = 0, limits: ServerLimits = quickLimits(), _ body: (World) async throws -> Void
    ) async throws {
        let loops = try (0..<3).map { try EventLoop(name: "loop \($0)") }
        for loop in loops { loop.start() }
        defer {
            for loop in loops {
                loop.stop()
                loop.join()
            }
        }
        let served = Served()
        var router = Router()
        router.on(.get, "/") { _ in
            served.add(loops.first { $0.isOnLoop }?.name ?? "none")
            return .text(200, "hello")
        }
        let group = ServerGroup(
            configuration: ServerConfiguration(port: port, limits: limits), router: router,
            loops: loops, logger: Logger(service: "test", level: .error, sink: MemorySink()),
            metrics: MetricsRegistry())
        let taken = try await group.start()
        let run = Task { try await group.run() }
        do {
            try await body(World(group: group, port: taken, loops: loops, served: served))
        } catch {
            run.cancel()
            try await run.value
            throw error
        }
        run.cancel()
        try await run.value
        #expect(await group.connectionCount == 0)
    }

    @Test func `every loop gets connections, and handlers stay on theirs`() async throws {
        try await withGroup { world in
            // The kernel spreads by a hash: with three loops, all of them within a few dozen.
            var clients: [RawClient] = []
            while world.served.loops.count < 3, clients.count < 200 {
                let client = try await world.client()
                #expect(try await client.get("/").status == 200)
                clients.append(client)
            }
            #expect(world.served.loops == ["loop 0", "loop 1", "loop 2"])
            #expect(await world.group.connectionCount == clients.count)
            for client in clients { await client.close() }
        }
    }

    @Test func `a port that another group has is taken, although it could be shared`() async throws {
        try await withGroup { world in
            let failure = await #expect(throws: SocketError.self) {
                try await withGroup(port: world.port) { _ in }
            }
            #expect(failure?.code == .addressInUse(world.port))
        }
    }

    @Test func `H90: one peer's connections are counted over all loops`() async throws {
        let limits = quickLimits { $0.connectionsPerPeerMax = 5 }
        try await withGroup(limits: limits) { world in
            var clients: [RawClient] = []
            for _ in 0..<5 {
                let client = try await world.client()
                #expect(try await client.get("/").status == 200)
                clients.append(client)
            }
            let sixth = try await world.client()
            #expect(try await sixth.rest() ?? "" == "")
            for client in clients { #expect(try await client.get("/").status == 200) }
        }
    }
}
