import Basics
import Configuration
import Resilience

extension LimitPolicy {
    /// The longest id, in bytes.
    static let idMax = 64

    /// One element of `limits`.
    init(_ reader: YAMLReader, routes known: [String]) throws(YAMLError) {
        let entry = try reader.mapping()
        id = try Self.id(entry.required("id"))
        principal = try entry.choice("per", of: Principal.self)
        let burst = try entry.integer("burst", in: 1...TokenBucketLimit.countMax)
        let refill = try entry.integer("refill", in: 1...TokenBucketLimit.countMax)
        let period = try entry.duration(
            "period", default: .seconds(1), in: .milliseconds(1)...TokenBucketLimit.periodMax)
        guard let limit = TokenBucketLimit(burst: burst, refill: refill, period: period) else {
            throw reader.error("burst, refill and period must be more than zero")
        }
        self.limit = limit
        var routes: Set<Route>?
        if let list = entry.optional("routes") {
            var found: Set<Route> = []
            for route in try list.list() { found.insert(try Self.route(route, known)) }
            guard !found.isEmpty else {
                throw list.error("is empty; leave the key out for every request")
            }
            routes = found
        }
        self.routes = routes
        // A request that costs more than the burst could never be admitted (RL-1).
        cost = try entry.integer("cost", default: 1, in: 1...burst)
        costs = try Self.costs(entry.optional("costs"), known, within: routes, burst: burst)
        store = try entry.choice("store", default: .memory, of: Store.self)
        onStoreFailure = try entry.choice("on_store_failure", default: .local, of: FailureMode.self)
        isShadow = try entry.flag("shadow", default: false)
        place = "\(reader.name):\(reader.line)"
        try entry.finish()
    }

    /// Goes into headers and keys as it is: letters that need no escape in either.
    private static func id(_ reader: YAMLReader) throws(YAMLError) -> String {
        let id = try reader.text(max: idMax)
        let isPlain = id.utf8.allSatisfy { byte in
            (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x2d || byte == 0x5f
        }
        guard isPlain else {
            throw reader.error("\"\(id)\" is not an id of a-z, 0-9, - and _")
        }
        return id
    }

    private static func route(_ reader: YAMLReader, _ known: [String]) throws(YAMLError) -> Route {
        try route(reader.choice(of: known), reader)
    }

    private static func route(_ text: String, _ reader: YAMLReader) throws(YAMLError) -> Route {
        let parts = text.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { throw reader.error("is not a method and a pattern") }
        return Route(method: String(parts[0]), pattern: String(parts[1]))
    }

    private static func costs(
        _ reader: YAMLReader?, _ known: [String], within routes: Set<Route>?, burst: Int
    ) throws(YAMLError) -> [Route: Int] {
        guard let reader else { return [:] }
        var costs: [Route: Int] = [:]
        for entry in try reader.mapping().entries() {
            guard known.contains(entry.key) else {
                throw entry.value.error("is not a route; allowed are: \(known.joined(separator: ", "))")
            }
            let route = try route(entry.key, entry.value)
            guard routes?.contains(route) ?? true else {
                throw entry.value.error("is not among the routes of this limit")
            }
            costs[route] = try entry.value.integer(in: 1...burst)
        }
        return costs
    }
}
