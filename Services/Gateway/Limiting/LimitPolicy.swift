import HTTP
import Resilience

/// One rate limit of the policies file.
struct LimitPolicy: Sendable {
    /// Whose requests share a bucket.
    enum Principal: String, Sendable, CaseIterable { case ip, customer }

    enum Store: String, Sendable, CaseIterable {
        /// This gateway's own count.
        case memory
        /// One count for all gateways.
        case redis
    }

    /// What holds while Redis does not answer (RL-9).
    enum FailureMode: String, Sendable, CaseIterable {
        /// This gateway's share of the limit, from memory.
        case local
        /// No limit.
        case open
        /// No request: 503.
        case closed
    }

    /// A method and a pattern; `HEAD` counts as `GET`.
    struct Route: Sendable, Hashable {
        let method: String
        let pattern: String

        init(method: String, pattern: String) {
            self.method = method == "HEAD" ? "GET" : method
            self.pattern = pattern
        }

        /// Nil when no route was found.
        init?(_ request: Request) {
            guard let pattern = request.context.routePattern else { return nil }
            self.init(method: request.method.text, pattern: pattern)
        }

        var text: String { method + " " + pattern }
    }

    let id: String
    let principal: Principal
    let limit: TokenBucketLimit
    /// Nil for every request, those to unknown paths among them.
    let routes: Set<Route>?
    /// Tokens of a request, unless `costs` says otherwise.
    let cost: Int
    let costs: [Route: Int]
    let store: Store
    let onStoreFailure: FailureMode
    /// Counts what it would refuse, and refuses nothing (RL-12).
    let isShadow: Bool
    /// Where it stands in its file, for messages.
    let place: String

    /// Nil when the policy does not apply.
    func cost(of route: Route?) -> Int? {
        guard let routes else { return route.flatMap { costs[$0] } ?? cost }
        guard let route, routes.contains(route) else { return nil }
        return costs[route] ?? cost
    }

    /// This gateway's share of the limit when the store is away.
    func share(of gateways: Int) -> TokenBucketLimit {
        limit.share(of: gateways, costMax: max(cost, costs.values.max() ?? 0))
    }
}
