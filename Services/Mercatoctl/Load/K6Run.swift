import Basics

/// A plan in the words of the k6 scripts (deploy/load/lib/plan.js).
struct K6Run: Sendable {
    let environment: [String: String]
    let limit: Duration

    /// Shelves are filled before and read after the run, and the last orders may take a while.
    private static let around = Duration.seconds(180)

    init(_ plan: LoadPlan, _ place: Place, json: String, inherited: [String: String]) {
        var environment = inherited
        environment["MERCATO_GATEWAY_URL"] = place.gatewayURL
        environment["MERCATO_ADMIN_URL"] = place.adminURL
        environment["MERCATO_ADMIN_TOKEN"] = place.adminToken?.reveal()
        environment["LOAD_RATE"] = LoadTable.number(plan.rate)
        environment["LOAD_DURATION"] = "\(plan.duration.inMilliseconds)ms"
        environment["LOAD_MAX_IN_FLIGHT"] = String(plan.maxInFlight)
        environment["LOAD_SEED"] = String(plan.seed)
        environment["LOAD_STOCK"] = plan.flashStock.map { String($0) }
        environment["LOAD_TOP_UP"] = plan.topsUp ? "1" : "0"
        environment["LOAD_ALLOW_REMOTE"] = plan.allowsRemote ? "1" : "0"
        environment["LOAD_JSON"] = json
        environment["LOAD_BOUND"] = plan.bounds.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value)" }.joined(separator: ",")
        self.environment = environment
        limit = plan.duration + Self.around
    }
}
