import Basics
import HTTP
import HTTPServer
import Sockets
import Telemetry
import Testing

/// Slow clients. Each phase has a small limit here; what the test waits for is always an answer or the
/// end of the connection, never time.
@Suite(.timeLimit(.minutes(1)))
struct TimeoutTests {
    /// Sends a piece again and again until the server has said something or ended, and gives all it said.
    private func drip(_ piece: String, every pause: Duration, on wire: Wire) async throws -> Conversation {
        let loop = try Loops.client.get()
        let reading = Task(executorPreference: loop) { try await wire.rest() }
        let dripping = Task(executorPreference: loop) {
            while !Task.isCancelled {
                try await wire.send(piece)
                try await loop.sleep(for: pause)
            }
        }
        let said = try await reading.value
        dripping.cancel()
        // A send after the server's end may fail; what counts is what it said.
        _ = await dripping.result
        await wire.close()
        return said
    }

    @Test func `H84: a head that stops is a 408`() async throws {
        try await withServer(limits { $0.headTimeout = .milliseconds(60) }) { running in
            let said = try await running.exchange("GET /ok HTTP/1.1\r\nHo")
            #expect(said.statuses == [408] && !said.isReset)
        }
    }

    @Test func `H84: a head that trickles for ever is a 408 as well`() async throws {
        try await withServer(limits { $0.headTimeout = .milliseconds(100) }) { running in
            let wire = try await running.connect()
            try await wire.send("GET /ok HTTP/1.1\r\nHost: t\r\nX: ")
            let said = try await drip("a", every: .milliseconds(5), on: wire)
            #expect(said.statuses == [408])
            #expect(running.handled.all.isEmpty)
        }
    }

    @Test func `H84: the limit is for each head, not for the connection`() async throws {
        try await withServer(limits { $0.headTimeout = .milliseconds(400) }) { running in
            let wire = try await running.connect()
            let started = ContinuousClock.now
            while started.duration(to: .now) < .milliseconds(600) {
                try await wire.send(get())
                #expect(try await wire.answer().status == 200)
                try await Loops.client.get().sleep(for: .milliseconds(50))
            }
            await wire.close()
        }
    }

    @Test(arguments: ["Content-Length: 10\r\n", "Transfer-Encoding: chunked\r\n"])
    func `H66: a body that stops is a 408, and no handler sees it`(framing: String) async throws {
        try await withServer(limits { $0.bodyGrace = .milliseconds(60) }) { running in
            let said = try await running.exchange(post(framing, body: "5\r\nhe"))
            #expect(said.statuses == [408] && !said.isReset)
            #expect(running.handled.all.isEmpty)
        }
    }

    @Test func `H66: a body below the minimum rate is a 408`() async throws {
        let slow = limits {
            $0.bodyGrace = .milliseconds(60)
            $0.bodyBytesPerSecondMin = 100_000
        }
        try await withServer(slow) { running in
            let wire = try await running.connect()
            try await wire.send(post("Content-Length: 1000000\r\n"))
            let said = try await drip("x", every: .milliseconds(5), on: wire)
            #expect(said.statuses == [408])
            #expect(running.handled.all.isEmpty)
        }
    }

    @Test func `H66: no body may take longer than its limit, at whatever rate`() async throws {
        let slow = limits {
            $0.bodyBytesPerSecondMin = 1
            $0.bodyTimeout = .milliseconds(100)
        }
        try await withServer(slow) { running in
            let wire = try await running.connect()
            try await wire.send(post("Content-Length: 1000000\r\n"))
            let said = try await drip("xxxx", every: .milliseconds(5), on: wire)
            #expect(said.statuses == [408])
        }
    }

    @Test func `H85: an idle connection ends without a word`() async throws {
        try await withServer(limits { $0.idleTimeout = .milliseconds(60) }) { running in
            let fresh = try await running.exchange("")
            #expect(fresh.answers.isEmpty && fresh.surplus.isEmpty && !fresh.isReset)
        }
        // Longer: the request must be there in time.
        try await withServer(limits { $0.idleTimeout = .milliseconds(700) }) { running in
            let wire = try await running.connect()
            try await wire.send(get())
            #expect(try await wire.answer()["connection"] != "close")
            let rest = try await wire.rest()
            #expect(rest.answers.isEmpty && rest.surplus.isEmpty && !rest.isReset)
            await wire.close()
        }
    }

    @Test(arguments: ["/large", "/stream"])
    func `H86: a client that never reads is cut after the write stall`(path: String) async throws {
        let piece = [UInt8](repeating: 0x78, count: 1 << 20)
        try await withServer(
            limits { $0.writeStall = .milliseconds(80) },
            routes: { router, _ in
                router.on(.get, "/large") { _ in
                    .bytes(200, [UInt8](repeating: 0x78, count: 24 << 20), type: "a/b")
                }
                router.on(.get, "/stream") { _ in
                    .stream(200, type: "a/b") { writer in
                        while true { try await writer.write(piece) }
                    }
                }
            }
        ) { running in
            let wire = try await running.connect()
            try await wire.send(get(target: path))
            // The server may not even have accepted the connection yet: its end comes first.
            try await eventually("the client is given up") {
                running.metrics.render().contains(#"http_server_client_gone_total{server="api"} 1"#)
            }
            try await running.untilNoConnections()
            await wire.abort()
        }
    }

    @Test func `H87: the refusal of a body under way can be read`() async throws {
        try await withServer { running in
            let wire = try await running.connect()
            try await wire.send(post("Content-Length: 10000000\r\n", target: "/small"))
            try await wire.send(times("x", 60_000))
            let said = try await wire.rest()
            #expect(said.statuses == [413] && said.surplus.isEmpty && !said.isReset)
            await wire.close()
            try await running.untilNoConnections()
        }
    }

    @Test func `H87: a refused client that stays is left after the linger time`() async throws {
        try await withServer(limits { $0.lingerTime = .milliseconds(60) }) { running in
            let wire = try await running.connect()
            try await wire.send("nonsense\r\n\r\n")
            // It neither sends nor ends; the server goes.
            try await running.untilNoConnections()
            #expect(try await wire.rest().statuses == [400])
            await wire.close()
        }
    }

    @Test func `H87: a refused client that goes on sending is cut after the linger bytes`() async throws {
        try await withServer(
            limits {
                $0.lingerTime = .seconds(60)
                $0.lingerBytes = 10_000
            }
        ) { running in
            let wire = try await running.connect()
            try await wire.send("nonsense\r\n\r\n")
            do {
                while await running.server.connectionCount > 0 { try await wire.send(times("x", 1_000)) }
            } catch let error as SocketError {
                #expect(error.code == .connectionReset)
            }
            await wire.close()
            try await running.untilNoConnections()
        }
    }

    @Test func `H88: a client that ends its side after the request is answered`() async throws {
        try await withServer(
            limits { $0.halfCloseGrace = .seconds(20) },
            routes: { router, _ in
                router.on(.get, "/later") { _ in
                    try await Loops.server.get().sleep(for: .milliseconds(30))
                    return .text(200, "later")
                }
            }
        ) { running in
            for request in [get(), get(target: "/later"), post("Content-Length: 5\r\n", body: "hello")] {
                let wire = try await running.connect()
                try await wire.send(request)
                await wire.finishSending()
                let said = try await wire.rest()
                #expect(said.statuses == [200] && !said.isReset)
                await wire.close()
            }
        }
    }
}

extension Running {
    /// Polls until the server has none left.
    func untilNoConnections() async throws {
        try await eventually("no connections") { await server.connectionCount == 0 }
    }
}
