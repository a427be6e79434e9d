import Basics
import Testing

@testable import Redis

struct StoreBreakerTests {
    private let start = MonotonicInstant.now

    private func opened() -> StoreBreaker {
        var breaker = StoreBreaker()
        for _ in 0..<3 { breaker.failed(now: start) }
        return breaker
    }

    @Test func `three failures in a row stop all calls for a second`() {
        var breaker = opened()
        let before = breaker.permits(now: start.advanced(by: .milliseconds(999)))
        #expect(!before)
        let after = breaker.permits(now: start.advanced(by: .seconds(1)))
        #expect(after)
    }

    @Test func `a success in between starts the count again`() {
        var breaker = StoreBreaker()
        breaker.failed(now: start)
        breaker.failed(now: start)
        breaker.succeeded()
        breaker.failed(now: start)
        breaker.failed(now: start)
        #expect(!breaker.isOpen)
    }

    @Test func `after the pause a single call probes`() {
        var breaker = opened()
        let later = start.advanced(by: .seconds(1))
        let (first, second) = (breaker.permits(now: later), breaker.permits(now: later))
        #expect(first)
        #expect(!second)
        breaker.succeeded()
        #expect(breaker == StoreBreaker())
    }

    @Test func `a failed probe opens again at once`() {
        var breaker = opened()
        let later = start.advanced(by: .seconds(1))
        _ = breaker.permits(now: later)
        breaker.failed(now: later)
        #expect(breaker.state == .open(until: later.advanced(by: .seconds(1))))
    }

    @Test func `a late success does not close an open breaker`() {
        var breaker = opened()
        breaker.succeeded()
        #expect(breaker.isOpen)
    }
}

struct RedisConfigurationTests {
    @Test func `a URL gives host, port, credentials and database`() throws {
        let full = try #require(RedisConfiguration(url: "redis://shop:p%40@cache.example:6380/3"))
        #expect(full.host == "cache.example")
        #expect(full.port == 6380)
        #expect(full.user == "shop")
        #expect(full.password?.reveal() == "p%40")
        #expect(full.database == 3)
        let short = try #require(RedisConfiguration(url: "redis://127.0.0.1"))
        #expect(short.port == 6379)
        #expect(short.password == nil)
    }

    @Test(arguments: [
        "", "http://x", "redis://", "redis://h:port", "redis://h:0", "redis://h:70000",
        "redis://user@h", "redis://h/x",
    ])
    func `any other shape is refused`(url: String) {
        #expect(RedisConfiguration(url: url) == nil)
    }
}
