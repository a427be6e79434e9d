import Basics
import Dispatch
import Testing

@testable import Sockets

@Suite(.timeLimit(.minutes(1)))
struct NameLookupTests {
    private struct NoSuchName: Error {}

    private static func address(_ port: Int) throws -> SocketAddress {
        try SocketAddress(numeric: "127.0.0.1", port: port)
    }

    @Test func `equal lookups under way share one answer`() async throws {
        let gate = DispatchSemaphore(value: 0)
        let asked = Guarded(0)
        let names = NameLookup { _, port in
            asked.change { $0 += 1 }
            gate.wait()
            return [try Self.address(port)]
        }
        let callers = (0..<20).map { _ in
            Task { try await names.addresses(of: "shop", port: 80) }
        }
        try await until { asked() == 1 && names.waitingCount == 20 }
        gate.signal()
        for caller in callers {
            let found = try await caller.value
            #expect(found.map(\.port) == [80])
        }
        #expect(asked() == 1)
        #expect(names.known("shop", port: 80)?.count == 1)
        #expect(names.known("shop", port: 81) == nil)
    }

    @Test func `a name that nobody answers for does not keep others waiting`() async throws {
        let gate = DispatchSemaphore(value: 0)
        var limits = NameLookup.Limits()
        limits.threadsMax = 2
        let names = NameLookup(limits: limits) { host, port in
            if host == "stuck" { gate.wait() }
            return [try Self.address(port)]
        }
        let stuck = (0..<10).map { _ in
            Task { try await names.addresses(of: "stuck", port: 1) }
        }
        try await until { names.waitingCount == 10 }
        for host in ["a", "b", "c"] {
            let found = try await names.addresses(of: host, port: 2)
            #expect(found.map(\.port) == [2])
        }
        // Those who do not want to wait need not.
        for caller in stuck.dropFirst() { caller.cancel() }
        for caller in stuck.dropFirst() {
            let result = await caller.result
            #expect(throws: CancellationError.self) { try result.get() }
        }
        gate.signal()
        let found = try await stuck[0].value
        #expect(found.map(\.port) == [1])
    }

    @Test func `a failure is not kept: the next lookup asks again`() async throws {
        let asked = Guarded(0)
        let names = NameLookup { _, port in
            asked.change { $0 += 1 }
            guard asked() > 1 else { throw NoSuchName() }
            return [try Self.address(port)]
        }
        await #expect(throws: NoSuchName.self) {
            try await names.addresses(of: "late", port: 80)
        }
        let found = try await names.addresses(of: "late", port: 80)
        #expect(found.count == 1)
    }

    @Test func `more waiters than the limit are refused`() async throws {
        let gate = DispatchSemaphore(value: 0)
        var limits = NameLookup.Limits()
        limits.waitersMax = 1
        let names = NameLookup(limits: limits) { _, port in
            gate.wait()
            return [try Self.address(port)]
        }
        let first = Task { try await names.addresses(of: "shop", port: 80) }
        try await until { names.waitingCount == 1 }
        await #expect(throws: SocketError(.limitReached, "look up shop")) {
            try await names.addresses(of: "shop", port: 80)
        }
        gate.signal()
        _ = try await first.value
    }

    @Test func `answers expire, and a full cache loses what expires first`() throws {
        var limits = NameLookup.Limits()
        limits.lifetime = .seconds(5)
        limits.namesMax = 2
        var cache = NameCache(limits: limits)
        let start = MonotonicInstant.now
        let key = { (host: String) in NameCache.Key(host: host, port: 80) }
        cache.keep([try Self.address(1)], of: key("a"), at: start)
        #expect(cache.addresses(of: key("a"), at: start + .milliseconds(4_999))?.count == 1)
        #expect(cache.addresses(of: key("a"), at: start + .seconds(5)) == nil)
        cache.keep([try Self.address(2)], of: key("b"), at: start + .seconds(1))
        cache.keep([try Self.address(3)], of: key("c"), at: start + .seconds(2))
        #expect(cache.count == 2)
        #expect(cache.addresses(of: key("a"), at: start + .seconds(2)) == nil)
        #expect(cache.addresses(of: key("b"), at: start + .seconds(2)) != nil)
        cache.forget(key("b"))
        #expect(cache.addresses(of: key("b"), at: start + .seconds(2)) == nil)
    }

    @Test func `addresses that do not answer are looked up again`() async throws {
        try await withLoop { loop in
            let gone = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
            let gonePort = gone.port
            await gone.close()
            let live = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
            let asked = Guarded(0)
            var settings = ConnectSettings()
            settings.names = NameLookup { _, _ in
                asked.change { $0 += 1 }
                return [try Self.address(asked() == 1 ? gonePort : live.port)]
            }
            func connect() async throws -> TCPConnection {
                try await TCPConnection.connect(
                    host: "shop", port: 80, timeout: .seconds(10), settings: settings, on: loop)
            }
            await #expect(throws: SocketError.self) { try await connect() }
            for _ in 0..<2 { await (try await connect()).close() }
            #expect(asked() == 2)
            await live.close()
        }
    }
}
