import HTTP
import HTTPServer
import Sockets
import Testing

/// Requests that are there before the answers to earlier ones are, in states that the tables cannot tell:
/// large answers, ends and resets in between, heads that are begun.
@Suite(.timeLimit(.minutes(1)))
struct PipelineTests {
    private static let size = 3_000_000

    private func large(_ router: inout Router, _ handled: Handled) {
        router.on(.get, "/large") { request in
            handled.note(request)
            return .bytes(200, [UInt8](repeating: 0x78, count: Self.size), type: "a/b")
        }
        router.on(.get, "/stream") { request in
            handled.note(request)
            return .stream(200, type: "a/b") { writer in
                let piece = [UInt8](repeating: 0x78, count: Self.size / 10)
                for _ in 0..<10 { try await writer.write(piece) }
            }
        }
    }

    @Test(arguments: ["/large", "/stream"])
    func `H80, H81: a large answer is whole, and so is what follows it`(target: String) async throws {
        try await withServer(routes: large) { running in
            let said = try await running.exchange(
                get(target: target) + get() + get(target: target) + "nonsense\r\n\r\n")
            #expect(said.statuses == [200, 200, 200, 400] && said.surplus.isEmpty && !said.isReset)
            #expect(said.answers.map(\.body.count).prefix(3) == [Self.size, 2, Self.size])
        }
    }

    @Test func `H88: pipelined requests are answered though the client has ended its side`() async throws {
        // A loop that other tests keep busy is no reason to give such a client up.
        try await withServer(limits { $0.halfCloseGrace = .seconds(20) }, routes: large) { running in
            let wire = try await running.connect()
            try await wire.send(times(get(), 5) + get(target: "/large") + get(target: "/next"))
            await wire.finishSending()
            let said = try await wire.rest()
            #expect(said.statuses == Array(repeating: 200, count: 7) && !said.isReset)
            #expect(said.answers.last?.text == "next")
            await wire.close()
        }
    }

    @Test func `H82, H87: the answer before a close is whole, whatever lies behind the request`() async throws {
        try await withServer(routes: large) { running in
            for junk in ["", "x", times("x", 50_000), times(get(target: "/poison"), 500)] {
                let said = try await running.exchange(
                    get("Connection: close\r\n", target: "/large") + junk)
                #expect(said.statuses == [200] && said.surplus.isEmpty && !said.isReset)
                #expect(said.answers.first?.body.count == Self.size)
            }
            #expect(!running.handled.all.contains("GET /poison"))
        }
    }

    @Test func `H84: a head that is begun behind another request has its own time`() async throws {
        try await withServer(limits { $0.headTimeout = .milliseconds(60) }) { running in
            let said = try await running.exchange(get() + "GET /ok HT")
            #expect(said.statuses == [200, 408] && !said.isReset)
        }
    }

    @Test func `H85: an empty line does not make an idle connection wait for ever`() async throws {
        let quick = limits {
            $0.headTimeout = .milliseconds(60)
            $0.idleTimeout = .milliseconds(60)
        }
        try await withServer(quick) { running in
            let said = try await running.exchange("\r\n")
            #expect(said.statuses.isEmpty || said.statuses == [408])
        }
    }

    @Test func `what a connection held comes back when its client resets it`() async throws {
        try await withServer(limits { $0.bodyBytesMax = 1_000 }) { running in
            for _ in 0..<20 {
                let wire = try await running.connect()
                try await wire.send(post("Content-Length: 1000\r\n", body: times("x", 900)))
                // The server has taken those bytes before it answers a later request.
                #expect(try await running.exchange(get("Connection: close\r\n")).statuses == [200])
                await wire.abort()
                try await running.untilNoConnections()
            }
            let said = try await running.exchange(
                post("Connection: close\r\nContent-Length: 1000\r\n", body: times("x", 1_000)))
            #expect(said.statuses == [200])
        }
    }

    @Test func `a reset in the middle of an answer ends its handler, and nothing else`() async throws {
        try await withServer(routes: { router, _ in
            router.on(.get, "/endless") { _ in
                .stream(200, type: "a/b") { writer in
                    while true { try await writer.write([UInt8](repeating: 0x78, count: 10_000)) }
                }
            }
        }) { running in
            let other = try await running.connect()
            for _ in 0..<5 {
                let wire = try await running.connect()
                try await wire.send(get(target: "/endless") + get(target: "/poison"))
                _ = try await wire.read(100_000)
                await wire.abort()
                try await other.send(get())
                #expect(try await other.answer().status == 200)
            }
            try await eventually("one connection") { await running.server.connectionCount == 1 }
            #expect(!running.handled.all.contains("GET /poison"))
            await other.close()
        }
    }
}
