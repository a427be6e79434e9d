import Basics
import HTTP
import Sockets
import Synchronization
import Telemetry
import Testing

@testable import HTTPClient

/// Which connection a request gets, and what becomes of unused ones.
@Suite(.timeLimit(.minutes(1)))
struct ClientPoolTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    @Test(arguments: [
        ([:], 30.0), (["keep-alive": "timeout=60"], 30), (["keep-alive": "timeout=5"], 4),
        (["keep-alive": "timeout=5, max=100"], 4), (["Keep-Alive": "max=9, TIMEOUT=10"], 9),
        (["keep-alive": "timeout=2"], 1), (["keep-alive": "timeout=1"], 0.5),
        (["keep-alive": "timeout=0"], 0), (["keep-alive": "timeout=10, timeout=3"], 2),
        (["keep-alive": "timeout=x"], 30), (["keep-alive": "timeout=-5"], 30),
        (["keep-alive": "timeout=99999999999999"], 30), (["keep-alive": "timeout"], 30),
    ] as [(Headers, Double)])
    func `an unused connection is left before its server's time is over`(
        headers: Headers, seconds: Double
    ) {
        #expect(ClientConfiguration().idleTime(after: headers) == .milliseconds(Int(seconds * 1_000)))
    }

    @Test func `the server's Keep-Alive ends an unused connection`() async throws {
        try await withPeer { listener in
            let first = try await listener.accept()
            try await first.serve(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=1\r\n\r\nok")
            // The client goes first, half a second early.
            await first.untilEnd()
            let second = try await listener.accept()
            try await second.serve(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=0\r\n\r\nok")
            await second.untilEnd()
        } _: { client, url in
            try await client.expect("ok", from: url)
            #expect(await client.connectionCounts() == (active: 0, idle: 1))
            try await client.untilIdle(0)
            try await client.expect("ok", from: url)
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
        }
    }

    @Test func `U6: bytes on an unused connection end it at once`() async throws {
        let isParked = AsyncSignal()
        try await withPeer { listener in
            let first = try await listener.accept()
            try await first.serve(Self.ok)
            try await isParked.wait()
            try await first.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nforged")
            await first.untilEnd()
            let second = try await listener.accept()
            try await second.serve(Self.ok)
            await second.untilEnd()
        } _: { client, url in
            try await client.expect("ok", from: url)
            try await client.untilIdle(1)
            isParked.raise()
            // No request needs to come by.
            try await client.untilIdle(0)
            try await client.expect("ok", from: url)
            await client.closeIdle()
        }
    }

    @Test func `U5: a connection that ended while unused is not offered to anybody, not even a POST`()
        async throws
    {
        let isParked = AsyncSignal()
        try await withPeer { listener in
            let first = try await listener.accept()
            try await first.serve(Self.ok)
            try await isParked.wait()
            await first.close()
            let second = try await listener.accept()
            let head = try await second.readHead()
            #expect(head.hasPrefix("POST "))
            try await second.say(Self.ok)
            await second.untilEnd()
        } _: { client, url in
            try await client.expect("ok", from: url)
            try await client.untilIdle(1)
            isParked.raise()
            try await client.untilIdle(0)
            try await client.expect("ok", from: ClientRequest(method: .post, url: url))
            await client.closeIdle()
        }
    }

    @Test func `U5: an end that comes in the same moment as the request is repeated on a new connection`()
        async throws
    {
        // Each round the peer closes right behind its answer: sometimes before, sometimes after the
        // next request has been written. No GET may fail for it.
        try await withPeer { listener in
            for _ in 0..<200 {
                let connection = try await listener.accept()
                try await connection.serve(Self.ok)
                await connection.close()
            }
        } _: { client, url in
            for _ in 0..<200 { try await client.expect("ok", from: url) }
        }
    }

    @Test func `the connection used last is used first, and the oldest goes when there are too many`()
        async throws
    {
        let isParked = AsyncSignal()
        try await withPeer { $0.maxIdlePerOrigin = 2 } _: { listener in
            var connections: [TCPConnection] = []
            for _ in 0..<3 { connections.append(try await listener.accept()) }
            // Answered in this order, so the first is unused for longest.
            for connection in connections { _ = try await connection.readHead() }
            for connection in connections {
                try await connection.say(Self.ok)
                try await isParked.wait()
            }
            await connections[0].untilEnd()
            for _ in 0..<2 { try await connections[2].serve(Self.ok) }
            for connection in connections[1...] { await connection.untilEnd() }
        } _: { client, url in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<3 { group.addTask { try await client.text(url) } }
                for active in [2, 1, 0] {
                    try await until(client.loop) {
                        await client.connectionCounts() == (active: active, idle: min(2, 3 - active))
                    }
                    isParked.raise()
                }
                for try await text in group { #expect(text == "ok") }
            }
            try await client.untilIdle(2)
            for _ in 0..<2 { try await client.expect("ok", from: url) }
            await client.closeIdle()
        }
    }

    @Test func `a name with an address that never answers is reached by its other address`()
        async throws
    {
        let port = Mutex(0)
        try await withPeer { configuration in
            // The listener's port is known later than the configuration: the name gives it.
            configuration.connectTimeout = .seconds(20)
            configuration.connect.attemptDelay = .milliseconds(10)
            configuration.connect.names = NameLookup { _, _ in
                // 127.0.0.9 refuses; the other is the peer.
                [
                    try SocketAddress(numeric: "127.0.0.9", port: port.withLock { $0 }),
                    try SocketAddress(numeric: "127.0.0.1", port: port.withLock { $0 }),
                ]
            }
        } _: { listener in
            let only = try await listener.accept()
            let head = try await only.readHead().lowercased()
            #expect(head.contains("host: shop.test:"))
            try await only.say(Self.ok)
            await only.untilEnd()
        } _: { client, url in
            let number = try #require(Int(url.dropLast().split(separator: ":").last ?? ""))
            port.withLock { $0 = number }
            try await client.expect("ok", from: "http://shop.test:\(number)/")
            await client.closeIdle()
        }
    }

    @Test func `a failed connection names every address in its error`() async throws {
        try await withPeer { configuration in
            configuration.connectAttempts = 1
            configuration.connect.names = NameLookup { _, port in
                [
                    try SocketAddress(numeric: "127.0.0.8", port: port),
                    try SocketAddress(numeric: "127.0.0.9", port: port),
                ]
            }
        } _: { _ in } _: { client, _ in
            let failure = await #expect(throws: ClientError.self) {
                try await client.text("http://shop.test:1/")
            }
            #expect(failure?.code == .connectFailed)
            #expect(failure?.nothingWritten == true)
            let text = failure.map { "\($0)" } ?? ""
            #expect(text.contains("127.0.0.8:1") && text.contains("127.0.0.9:1"), "\(text)")
        }
    }
}

/// Cancelling a caller, whatever it waits for, frees the permit and closes the socket.
@Suite(.timeLimit(.minutes(1)))
struct ClientCancellationTests {
    /// Cancels `call` when `isUnderWay`, and looks for what may be left.
    private func cancel(
        _ client: Client, _ call: Task<String, any Error>, when isUnderWay: () async throws -> Bool
    ) async throws {
        try await until(client.loop, isUnderWay)
        call.cancel()
        let result = await call.result
        let failure = #expect(throws: ClientError.self) { try result.get() }
        #expect(failure?.code == .cancelled)
        #expect(await client.connectionCounts() == (active: 0, idle: 0))
    }

    @Test func `while it waits for the head`() async throws {
        let asked = Atomic<Bool>(false)
        try await withPeer { listener in
            let only = try await listener.accept()
            _ = try await only.readHead()
            asked.store(true, ordering: .relaxed)
            await only.untilEnd()
        } _: { client, url in
            let call = Task { try await client.text(url) }
            try await cancel(client, call) { asked.load(ordering: .relaxed) }
        }
    }

    @Test func `while it reads the body`() async throws {
        let asked = Atomic<Bool>(false)
        try await withPeer { listener in
            let only = try await listener.accept()
            try await only.serve("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            asked.store(true, ordering: .relaxed)
            await only.untilEnd()
        } _: { client, url in
            let call = Task { try await client.text(url) }
            try await cancel(client, call) {
                let active = await client.connectionCounts().active
                return asked.load(ordering: .relaxed) && active == 1
            }
        }
    }

    @Test func `while it connects to an address that never answers`() async throws {
        try await withPeer { $0.connectTimeout = .seconds(30) } _: { _ in } _: { client, _ in
            let hole = try TCPListener(host: "127.0.0.1", port: 0, backlog: 0, loop: client.loop)
            let filler = try await TCPConnection.connect(
                host: "127.0.0.1", port: hole.port, timeout: .seconds(5), on: client.loop)
            let url = "http://127.0.0.1:\(hole.port)/"
            let call = Task { try await client.text(url) }
            try await cancel(client, call) { await client.connectionCounts().active == 1 }
            await filler.close()
            await hole.close()
        }
    }

    @Test func `while it waits for a free connection`() async throws {
        try await withPeer {
            $0.maxConnectionsPerOrigin = 1
            $0.poolWait = .seconds(30)
        } _: { listener in
            let only = try await listener.accept()
            _ = try await only.readHead()
            await only.untilEnd()
        } _: { client, url in
            let first = Task { try await client.text(url) }
            try await until(client.loop) { await client.connectionCounts().active == 1 }
            let second = Task { try await client.text(url) }
            try await until(client.loop) { await client.waitingCount() == 1 }
            second.cancel()
            let result = await second.result
            let failure = #expect(throws: ClientError.self) { try result.get() }
            #expect(failure?.code == .cancelled)
            #expect(failure?.nothingWritten == true)
            #expect(await client.waitingCount() == 0)
            try await cancel(client, first) { true }
        }
    }

    /// Answers once, and then one connection after the other in another way.
    private static func misbehave(_ listener: TCPListener) async throws {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        try await withThrowingDiscardingTaskGroup { group in
            var number = 0
            while true {
                let connection = try await listener.accept()
                number += 1
                let kind = number % 5
                group.addTask {
                    // Ignored: the client hangs up on this peer in every way there is.
                    try? await connection.serve(ok)
                    switch kind {
                    case 0: await connection.abort()
                    case 1: try? await connection.serve("nonsense\r\n\r\n")  // Ignored: as above.
                    case 2: try? await connection.serve("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nha")  // Ignored: as above.
                    default: for _ in 0..<9 { try? await connection.serve(ok) }  // Ignored: as above.
                    }
                    if kind != 3 { await connection.close() }
                }
            }
        }
    }

    @Test func `BH-2: after any mixture of ends no permit and no socket is left`() async throws {
        let metrics = MetricsRegistry()
        let loop = try EventLoop(name: "client")
        loop.start()
        defer {
            loop.stop()
            loop.join()
        }
        let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
        var configuration = ClientConfiguration()
        configuration.maxConnectionsPerOrigin = 8
        configuration.poolWait = .milliseconds(20)
        let client = Client(
            loop: loop, configuration: configuration,
            logger: Logger(service: "test", sink: DiscardingSink()),
            metrics: ClientMetrics(metrics))
        let serving = Task(executorPreference: loop) { try await Self.misbehave(listener) }
        let url = "http://127.0.0.1:\(listener.port)/"
        await withDiscardingTaskGroup { group in
            for number in 0..<1_000 {
                group.addTask {
                    let call = Task {
                        try await client.send(
                            ClientRequest(url: url),
                            deadline: .after(.milliseconds(number % 7 == 0 ? 1 : 200)))
                    }
                    if number % 3 == 0 { call.cancel() }
                    // Ignored: most of these fail, each in its way; what is left is looked at below.
                    let answer = try? await call.value
                    if number % 2 == 0 { _ = try? await answer?.body.collect() }  // Ignored: as above.
                }
            }
        }
        await client.closeIdle()
        try await client.untilIdle(0)
        #expect(await client.waitingCount() == 0)
        let page = metrics.render()
        for state in ["active", "idle"] {
            let name = #"http_client_connections{client="calls",state="\#(state)",upstream="127.0.0.1:\#(listener.port)"} 0"#
            #expect(page.contains(name + "\n"), "\(name)")
        }
        serving.cancel()
        _ = await serving.result
        await listener.close()
    }
}

@Suite(.timeLimit(.minutes(1)))
struct ClientGroupTests {
    @Test func `a group has a client for each loop, and its limits are those of all together`()
        async throws
    {
        let loops = try (0..<3).map { try EventLoop(name: "group-\($0)") }
        for loop in loops { loop.start() }
        defer {
            for loop in loops {
                loop.stop()
                loop.join()
            }
        }
        var configuration = ClientConfiguration()
        configuration.maxConnectionsPerOrigin = 10
        let group = ClientGroup(
            loops: loops, configuration: configuration,
            logger: Logger(service: "test", sink: DiscardingSink()))
        for (index, loop) in loops.enumerated() {
            let found = OneShot<Int>()
            loop.execute { found.succeed(group.clients.firstIndex { $0 === group.current } ?? -1) }
            #expect(try await found.value() == index)
        }
        #expect(group.current === group.clients[0])
        #expect(configuration.divided(among: 3).maxConnectionsPerOrigin == 4)
        #expect(configuration.divided(among: 100).maxPending == 6)
        #expect(configuration.divided(among: 1_000).maxConnectionsPerOrigin == 1)
        await group.closeIdle()
    }
}
