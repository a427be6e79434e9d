import Basics
import HTTP
import HTTPServer
import Sockets
import Testing

/// A connection that is idle for a while has neither task nor buffers.
@Suite(.timeLimit(.minutes(1)))
struct ParkingTests {
    private let parked = #"http_server_parked_connections{server="api"} 1"#

    private func limits(_ change: (inout ServerLimits) -> Void = { _ in }) -> ServerLimits {
        quickLimits {
            $0.parkingDelay = .milliseconds(10)
            change(&$0)
        }
    }

    /// Bounded by the suite's time limit.
    private func until(_ running: Running, parked isParked: Bool) async {
        while running.metric(parked) != isParked, !Task.isCancelled { await Task.yield() }
    }

    @Test func `a parked connection answers the next request, and is parked again`() async throws {
        try await withServer(limits: limits()) { running in
            let client = try await running.client()
            for _ in 0..<3 {
                await until(running, parked: true)
                #expect(try await client.get("/hello").status == 200)
            }
        }
    }

    @Test func `a request that comes in two parts wakes it once`() async throws {
        try await withServer(limits: limits()) { running in
            let client = try await running.client()
            await until(running, parked: true)
            try await client.send("GET /hello HT")
            await until(running, parked: false)
            try await client.send("TP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.answer().status == 200)
        }
    }

    @Test func `requests and resets at the very moment of parking are neither lost nor kept`() async throws {
        try await withServer(limits: limits { $0.parkingDelay = .milliseconds(1) }) { running in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        let client = try await running.client()
                        for round in 0..<150 {
                            // Around the delay, at another moment each time.
                            let pause = (round * 37 + number * 211) % 2_500
                            try await running.loop.sleep(for: .microseconds(pause))
                            #expect(try await client.get("/hello").status == 200)
                        }
                        try await running.loop.sleep(for: .microseconds(number * 300))
                        await client.connection.abort()
                    }
                }
                try await group.waitForAll()
            }
            await running.untilNoConnections()
            #expect(running.metric(#"http_server_parked_connections{server="api"} 0"#))
        }
    }

    @Test func `H85: the idle time goes on while it is parked, and ends without a word`() async throws {
        try await withServer(limits: limits { $0.idleTimeout = .milliseconds(80) }) { running in
            let client = try await running.client()
            #expect(try await client.rest() == "")
            await running.untilNoConnections()
            #expect(!running.metric(parked))
        }
    }

    @Test(arguments: [true, false])
    func `a client that leaves a parked connection is noticed`(byReset: Bool) async throws {
        try await withServer(limits: limits()) { running in
            let client = try await running.client()
            await until(running, parked: true)
            if byReset { await client.connection.abort() } else { await client.close() }
            await running.untilNoConnections()
        }
    }

    @Test func `HC-3: a drain ends parked connections at once`() async throws {
        try await withServer(limits: limits()) { running in
            let client = try await running.client()
            await until(running, parked: true)
            try await running.stop()
            #expect(try await client.rest() == "")
        }
    }
}
