import Basics
import HTTP
import Redis
import Resilience

/// `GET /admin/policies`: what is in force and how it stands. `PUT` or `POST`
/// `/admin/breakers/{upstream}` with `{"mode": "auto"}`: an operator's hand on a breaker.
struct PolicyRoutes: Sendable {
    let policies: GatewayPolicies

    func add(to router: inout Router) {
        router.on(.get, "/admin/policies") { _ in
            var response = Response.bytes(200, await report().bytes, type: "application/json")
            response.headers["cache-control"] = "no-store"
            return response
        }
        for method in [Method.put, .post] {
            router.on(method, "/admin/breakers/{upstream}") { try change($0) }
        }
    }

    private func report() async -> JSONValue {
        let file = policies.file
        return [
            "source": .string(file.source), "gateways": .integer(Int64(file.gateways)),
            "trusted_proxies": .array(file.trustedProxies.map { .string($0.text) }),
            "limits": .array(file.limits.map(limit)),
            "breakers": .array(policies.breakers.map { Self.breaker($0) }),
            "memory": [
                "keys": .integer(Int64(policies.limiter.keys)),
                "keys_max": .integer(Int64(file.keysMax)),
            ],
            "store": await store(),
        ]
    }

    /// Null without Redis.
    private func store() async -> JSONValue {
        guard let redis = policies.redis else { return nil }
        return [
            "kind": "redis", "breaker": .string(await redis.storeState.rawValue),
            "at": .string("\(redis.configuration.host):\(redis.configuration.port)"),
        ]
    }

    private func limit(_ policy: LimitPolicy) -> JSONValue {
        let routes = policy.routes.map { $0.map(\.text).sorted() }
        let counted = policies.instruments.decisions(of: policy.id)
        return [
            "id": .string(policy.id), "per": .string(policy.principal.rawValue),
            "routes": routes.map { .array($0.map { .string($0) }) } ?? "all",
            "burst": .integer(Int64(policy.limit.burst)),
            "refill": .integer(Int64(policy.limit.refill)),
            "period_ms": .integer(policy.limit.period.inMilliseconds),
            "cost": .integer(Int64(policy.cost)),
            "costs": .object(
                .init(uniqueKeysWithValues: policy.costs.map { ($0.key.text, .integer(Int64($0.value))) })),
            "store": .string(policy.store.rawValue),
            "on_store_failure": .string(policy.onStoreFailure.rawValue),
            "shadow": .boolean(policy.isShadow),
            "decisions": .object(counted.mapValues { .integer($0) }),
        ]
    }

    /// `opens_at` tells when it opens; `probes_in_ms` when an open one lets the next call through.
    static func breaker(_ breaker: UpstreamBreaker) -> JSONValue {
        var copy = breaker.look()
        let settings = copy.settings
        let totals = copy.totals(now: .now)
        var window: [String: JSONValue] = [
            "calls": .integer(Int64(totals.calls)), "errors": .integer(Int64(totals.errors)),
            "slow": .integer(Int64(totals.slow)), "error_percent": .double(totals.errorPercent),
            "slow_percent": .double(totals.slowPercent),
        ]
        switch settings.window {
        case .time(let time): window["length_ms"] = .integer(time.inMilliseconds)
        case .calls(let calls): window["length_calls"] = .integer(Int64(calls))
        }
        let left = copy.opensUntil.map { max(.zero, MonotonicInstant.now.duration(to: $0)) }
        return [
            "upstream": .string(breaker.upstream), "mode": .string(copy.mode.rawValue),
            "state": .string(copy.state.rawValue), "opens": .integer(Int64(copy.opens)),
            "probes_in_ms": left.map { .integer($0.inMilliseconds) } ?? nil,
            "probes_given": .integer(Int64(copy.probesGiven)), "window": .object(window),
            "opens_at": [
                "failure_percent": .integer(Int64(settings.failurePercent)),
                "slow_percent": .integer(Int64(settings.slowPercent)),
                "slow_after_ms": .integer(settings.slowAfter.inMilliseconds),
                "minimum_calls": .integer(Int64(settings.callsMin)),
            ],
            "wait_ms": .integer(settings.wait.inMilliseconds),
            "max_wait_ms": .integer(settings.waitMax.inMilliseconds),
            "probes": .integer(Int64(settings.probes)),
        ]
    }

    private struct Change: Decodable {
        let mode: String
    }

    private func change(_ request: Request) throws -> Response {
        let name = try request.parameter("upstream")
        guard let breaker = policies.breakers.first(where: { $0.upstream == name }) else {
            let known = policies.breakers.map(\.upstream).joined(separator: ", ")
            throw Problem.notFound("breaker_not_found", "There are breakers for: \(known).")
        }
        let allowed = CircuitBreaker.Mode.allCases.map(\.rawValue).joined(separator: ", ")
        let change: Change
        do {
            change = try JSONCoding.decode(Change.self, from: request.body)
        } catch {
            throw Problem.invalidField("/mode", "The body must be {\"mode\": one of \(allowed)}.")
        }
        guard let mode = CircuitBreaker.Mode(rawValue: change.mode) else {
            throw Problem.invalidField("/mode", "Allowed is one of \(allowed).")
        }
        breaker.set(mode)
        return .bytes(200, Self.breaker(breaker).bytes, type: "application/json")
    }
}
