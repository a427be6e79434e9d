import Basics
import Configuration
import Resilience

/// The circuit breaker of one upstream as the policies file has it.
struct BreakerPolicy: Sendable {
    let upstream: KnownService
    let settings: CircuitBreaker.Settings
    let mode: CircuitBreaker.Mode

    /// The services that public routes lead to.
    static let upstreams: [KnownService] = KnownService.allCases.filter { service in
        PublicRoute.all.contains { $0.upstream == service }
    }

    /// `breakers`: `defaults` for all, and `upstreams` with what differs.
    static func all(_ reader: YAMLReader?) throws(YAMLError) -> [BreakerPolicy] {
        let entry = try reader?.mapping()
        let base = BreakerPolicy(upstream: .cart, settings: .init(), mode: .auto)
        let common = try entry?.optional("defaults").map { reader throws(YAMLError) in
            try BreakerPolicy(reader, .cart, base)
        } ?? base
        let given = try entry?.optional("upstreams")?.mapping()
        var policies: [BreakerPolicy] = []
        for upstream in upstreams {
            if let reader = given?.optional(upstream.rawValue) {
                policies.append(try BreakerPolicy(reader, upstream, common))
            } else {
                policies.append(
                    BreakerPolicy(upstream: upstream, settings: common.settings, mode: common.mode))
            }
        }
        try given?.finish()
        try entry?.finish()
        return policies
    }

    private init(upstream: KnownService, settings: CircuitBreaker.Settings, mode: CircuitBreaker.Mode) {
        self.upstream = upstream
        self.settings = settings
        self.mode = mode
    }

    /// What is left out is as in `base`.
    private init(
        _ reader: YAMLReader, _ upstream: KnownService, _ base: BreakerPolicy
    ) throws(YAMLError) {
        let entry = try reader.mapping()
        var settings = base.settings
        let time = try entry.optional("window")?.duration(in: .seconds(1)...(.seconds(3_600)))
        let calls = try entry.optional("window_calls")?.integer(in: 1...10_000)
        switch (time, calls) {
        case (nil, nil): break
        case (let time?, nil): settings.window = .time(time)
        case (nil, let calls?): settings.window = .calls(calls)
        case (_?, _?): throw reader.error("has both window and window_calls; only one is allowed")
        }
        settings.callsMin = try entry.integer(
            "minimum_calls", default: settings.callsMin, in: 1...10_000)
        settings.failurePercent = try entry.integer(
            "failure_percent", default: settings.failurePercent, in: 1...100)
        settings.slowPercent = try entry.integer(
            "slow_percent", default: settings.slowPercent, in: 1...100)
        settings.slowAfter = try entry.duration("slow_after", default: settings.slowAfter)
        settings.wait = try entry.duration(
            "wait", default: settings.wait, in: .milliseconds(10)...(.seconds(3_600)))
        settings.waitMax = try entry.duration(
            "max_wait", default: settings.waitMax, in: .milliseconds(10)...(.seconds(3_600)))
        guard settings.wait <= settings.waitMax else {
            throw (entry.optional("wait") ?? entry.optional("max_wait") ?? reader).error(
                "wait must not be longer than max_wait")
        }
        settings.probes = try entry.integer("probes", default: settings.probes, in: 1...1_000)
        settings.halfOpenMax = try entry.duration("max_half_open", default: settings.halfOpenMax)
        self.upstream = upstream
        self.settings = settings
        mode = try entry.choice("mode", default: base.mode, of: CircuitBreaker.Mode.self)
        try entry.finish()
    }
}
