import Basics
import HTTP
import Resilience
import Synchronization

/// One stage of rate limits: those that count by address, or those that count by customer.
///
/// A refused request is answered at once and takes nothing, neither here nor at the stage before
/// (RL-3): one customer who is refused must not drain the bucket of all behind the same address.
struct RateLimit: Sendable {
    let name: String
    let principal: LimitPolicy.Principal
    let policies: [LimitPolicy]
    let limiter: Limiter
    let random: RandomSource

    init(
        _ principal: LimitPolicy.Principal, of policies: [LimitPolicy], limiter: Limiter,
        random: RandomSource
    ) {
        name = "rate-limit-\(principal.rawValue)"
        self.principal = principal
        self.policies = policies.filter { $0.principal == principal }
        self.limiter = limiter
        self.random = random
    }

    /// How an inner stage tells the outer ones that the request was refused after all.
    private final class Receipt: Sendable {
        private let refused = Mutex(false)
        let outer: Receipt?
        var isRefused: Bool { refused.withLock { $0 } }

        init(outer: Receipt?) { self.outer = outer }

        func refuse() {
            refused.withLock { $0 = true }
            outer?.refuse()
        }
    }

    @TaskLocal private static var receipt: Receipt?

    var middleware: Middleware {
        Middleware(name) { request, next in
            guard !policies.isEmpty else { return try await next(request) }
            let key = Principal.key(principal, request.context)
            switch await limiter.decide(policies, route: .init(request), principal: key) {
            case .refused(let entries):
                Self.receipt?.refuse()
                throw RateLimitHeaders.problem(entries, random: random)
            case .unavailable:
                Self.receipt?.refuse()
                throw Problem.unavailable(
                    "limiter_unavailable", "The count of requests cannot be checked at present.")
            case .admitted(let entries, let taken):
                let receipt = Receipt(outer: Self.receipt)
                var response = try await Self.$receipt.withValue(receipt) { try await next(request) }
                if receipt.isRefused {
                    await limiter.giveBack(taken)
                } else {
                    RateLimitHeaders.add(entries, to: &response)
                }
                return response
            }
        }
    }
}

/// `RateLimit` and `RateLimit-Policy` (RL-5): lists of RFC 9651, one item per policy.
enum RateLimitHeaders {
    static let policyField = "ratelimit-policy"
    static let stateField = "ratelimit"

    /// Ids hold nothing that a quoted string must escape; the policies file sees to it.
    static func policy(_ policy: LimitPolicy) -> String {
        "\"\(policy.id)\";q=\(policy.limit.burst);w=\(max(1, seconds(policy.limit.window)))"
    }

    static func state(_ entry: Limiter.Entry) -> String {
        "\"\(entry.policy.id)\";r=\(entry.decision.remaining);t=\(seconds(entry.decision.untilFull))"
    }

    /// Not on redirects, where caches and clients lose them; an answer from this gateway's share
    /// alone would promise what Redis may not keep (RL-9).
    static func add(_ entries: [Limiter.Entry], to response: inout Response) {
        guard !(300..<400).contains(response.status), !entries.isEmpty else { return }
        join(entries.map { policy($0.policy) }, policyField, &response.headers)
        join(entries.filter { !$0.isDegraded }.map(state), stateField, &response.headers)
    }

    private static func join(_ items: [String], _ field: String, _ headers: inout Headers) {
        guard !items.isEmpty else { return }
        let inner = headers[field].map { [$0] } ?? []
        headers[field] = (items + inner).joined(separator: ", ")
    }

    /// 429 (RL-5, RL-6). The wait is spread by up to a second, so that those who were refused
    /// together do not come back together.
    static func problem(_ entries: [Limiter.Entry], random: RandomSource) -> Problem {
        let refused = entries.filter { !$0.decision.isAdmitted }
        let longest = refused.map(\.decision.wait).max() ?? .zero
        let wait = max(1, seconds(longest + random.duration(upTo: .seconds(1))))
        var headers: Headers = ["retry-after": String(wait)]
        headers[policyField] = entries.map { policy($0.policy) }.joined(separator: ", ")
        let states = entries.filter { !$0.isDegraded }.map { entry in
            entry.decision.isAdmitted ? state(entry) : "\"\(entry.policy.id)\";r=0;t=\(wait)"
        }
        if !states.isEmpty { headers[stateField] = states.joined(separator: ", ") }
        return Problem(
            status: 429, code: "quota_exceeded",
            detail: "Too many requests; try again in \(wait) s.", headers: headers,
            extensions: ["violated-policies": .array(refused.map { .string($0.policy.id) })],
            type: "https://iana.org/assignments/http-problem-types#quota-exceeded")
    }

    /// Rounded up.
    static func seconds(_ duration: Duration) -> Int64 {
        let parts = duration.components
        return parts.seconds + (parts.attoseconds > 0 ? 1 : 0)
    }
}
