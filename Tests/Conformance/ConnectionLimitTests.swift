import Foundation
import HTTP
import HTTPServer
import Sockets
import Telemetry
import Testing

/// How many connections, and how many requests on each.
@Suite(.timeLimit(.minutes(1)))
struct ConnectionLimitTests {
    @Test func `H89: the last request of a connection is answered with close`() async throws {
        try await withServer(limits { $0.requestsPerConnectionMax = 3 }) { running in
            let said = try await running.exchange(times(get(), 3) + get(target: "/poison"))
            #expect(said.statuses == [200, 200, 200] && !said.isReset)
            #expect(said.answers.map { $0["connection"] } == [nil, nil, "close"])
            #expect(running.handled.all.count == 3)
        }
    }

    @Test func `H89: by default that is the 1,000th`() async throws {
        #expect(ServerLimits().requestsPerConnectionMax == 1_000)
        try await withServer { running in
            let wire = try await running.connect()
            var said: [String?] = []
            for _ in 0..<10 {
                try await wire.send(times(get(), 100))
                for _ in 0..<100 { said.append(try await wire.answer()["connection"]) }
            }
            #expect(said.prefix(999).allSatisfy { $0 == nil } && said.last == "close")
            #expect(try await wire.rest().statuses == [])
            await wire.close()
        }
    }

    @Test func `H89: a server that lets go says close on every answer`() async throws {
        try await withServer { running in
            let wire = try await running.connect()
            try await wire.send(get())
            #expect(try await wire.answer()["connection"] == nil)
            await running.server.letGo()
            try await wire.send(get() + get(target: "/poison"))
            let said = try await wire.rest()
            #expect(said.statuses == [200] && said.answers.last?["connection"] == "close")
            #expect(!running.handled.all.contains("GET /poison"))
            await wire.close()
        }
    }

    @Test func `H90: over the total newcomers wait, and those who are there are served`() async throws {
        try await withServer(limits { $0.connectionsMax = 2 }) { running in
            let first = try await running.connect()
            let second = try await running.connect()
            for wire in [first, second] {
                try await wire.send(get())
                #expect(try await wire.answer().status == 200)
            }
            let third = try await running.connect()
            try await third.send(get(target: "/next"))
            for wire in [first, second, first] {
                try await wire.send(get())
                #expect(try await wire.answer().status == 200)
            }
            #expect(await third.connection.bufferedCount == 0)
            #expect(!running.handled.all.contains("GET /next"))
            await first.close()
            #expect(try await third.answer().status == 200)
            await second.close()
            await third.close()
        }
    }

    @Test func `H90: over one address's share newcomers are closed at once`() async throws {
        try await withServer(limits { $0.connectionsPerPeerMax = 2 }) { running in
            let first = try await running.connect()
            let second = try await running.connect()
            for wire in [first, second] {
                try await wire.send(get())
                #expect(try await wire.answer().status == 200)
            }
            let third = try await running.connect()
            #expect(try await third.rest().statuses.isEmpty)
            await third.close()
            let refusals = #"http_server_refusals_total{code="connections_per_peer",server="api"} 1"#
            #expect(running.metrics.render().contains(refusals))
            try await second.send(get())
            #expect(try await second.answer().status == 200)
            await first.close()
            await second.close()
            try await running.untilNoConnections()
            #expect(try await running.exchange(get("Connection: close\r\n")).statuses == [200])
        }
    }

    /// While the first request of a long pipeline holds the loop, another client's request arrives: it
    /// has its turn after so many of the pipeline as the limit says, not after all of them.
    @Test func `H80: after a run of pipelined requests other connections have their turn`() async throws {
        #expect(ServerLimits().pipelineDepthMax == 64)
        let (begun, sent) = (Gate(), Gate())
        try await withServer(
            limits { $0.pipelineDepthMax = 4 },
            routes: { router, handled in
                router.on(.get, "/hold") { request in
                    handled.note(request)
                    begun.open()
                    // Stands still on purpose: the loop sees the other client only when it polls again.
                    sent.block()
                    return .text(200, "held")
                }
            }
        ) { running in
            let other = try await running.connect()
            try await other.send(get())
            #expect(try await other.answer().status == 200)
            let pipeline = try await running.connect()
            try await pipeline.send(get(target: "/hold") + times(get(), 60))
            begun.block()
            try await other.send(get(target: "/next"))
            sent.open()
            #expect(try await other.answer().text == "next")
            for _ in 0..<61 { #expect(try await pipeline.answer().status == 200) }
            let place = try #require(running.handled.all.firstIndex(of: "GET /next"))
            #expect(place < 20)
            await other.close()
            await pipeline.close()
        }
    }

    @Test func `H36: the sizes that a parser allows are the server's to set`() async throws {
        var parsing = HTTPLimits.standard
        parsing.fieldsMax = 2
        try await withServer(limits { $0.parsing = parsing }) { running in
            let fits = try await running.exchange(get("Connection: close\r\n"))
            #expect(fits.statuses == [200])
            let beyond = try await running.exchange(get("Connection: close\r\nX: y\r\n"))
            #expect(beyond.statuses == [431])
        }
    }

    @Test func `bodies of all connections together have a budget: 503 beyond it`() async throws {
        try await withServer(limits { $0.bodyBytesMax = 1_000 }) { running in
            let full = post("Content-Length: 1000\r\n", body: times("x", 1_000))
            let closing = "Connection: close\r\n"
            #expect(
                try await running.exchange(
                    post("\(closing)Content-Length: 1000\r\n", body: times("x", 1_000))
                ).statuses == [200])
            let holder = try await running.connect()
            try await holder.send(post("Content-Length: 2\r\n", body: "x"))
            // The server has taken that byte before it answers a later request.
            #expect(try await running.exchange(get(closing)).statuses == [200])
            let said = try await running.exchange(full)
            #expect(said.statuses == [503])
            #expect(said.answers.last?["retry-after"] != nil)
            try await holder.send("x")
            #expect(try await holder.answer().status == 200)
            await holder.close()
        }
    }
}

/// Opens once; threads wait at it, for a bounded time.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func open() { semaphore.signal() }

    func block() { _ = semaphore.wait(timeout: .now() + 20) }
}
