import Basics
import Configuration
import Resilience

/// The policies file, read and checked: what is limited, and when an upstream is left alone.
///
/// Every mistake is a `YAMLError` with file, line and path, and ends the start.
struct PolicyFile: Sendable {
    /// More limits are not read.
    static let limitsMax = 100
    /// More proxies are not read.
    static let proxiesMax = 100

    /// Where it came from, for people: a path, or `built-in`.
    let source: String
    /// Proxies whose `X-Forwarded-For` is believed (RL-4).
    let trustedProxies: [AddressRange]
    /// N of RL-9: gateways that share the limits in Redis.
    let gateways: Int
    /// Buckets kept in memory (RL-10).
    let keysMax: Int
    let limits: [LimitPolicy]
    let breakers: [BreakerPolicy]

    /// - Parameters:
    ///   - path: nil for the built-in file.
    ///   - routes: what a limit may name, as `GET /v1/products`.
    static func load(path: String?, routes: [String]) throws(YAMLError) -> PolicyFile {
        guard let path else {
            let text = String(decoding: PackageResources.policies_yaml, as: UTF8.self)
            return try PolicyFile(text: text, name: "policies.yaml", source: "built-in", routes: routes)
        }
        let node = try YAMLDocument.load(path: path)
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return try PolicyFile(YAMLReader(node, name: name), source: path, routes: routes)
    }

    init(text: String, name: String, source: String, routes: [String]) throws(YAMLError) {
        let node = try YAMLDocument.parse(text, name: name)
        try self.init(YAMLReader(node, name: name), source: source, routes: routes)
    }

    private init(_ reader: YAMLReader, source: String, routes: [String]) throws(YAMLError) {
        let file = try reader.mapping()
        self.source = source
        var proxies: [AddressRange] = []
        for proxy in try file.optionalList("trusted_proxies", max: Self.proxiesMax) {
            let text = try proxy.text()
            guard let range = AddressRange(text) else {
                throw proxy.error(
                    "\"\(text)\" is not an address or block such as 10.0.0.0/8 or fd00::/8, "
                        + "without bits beyond its length")
            }
            proxies.append(range)
        }
        trustedProxies = proxies
        gateways = try file.integer("gateways", default: 1, in: 1...1_000)
        keysMax = try file.integer(
            "memory_keys", default: TokenBuckets.keysMaxDefault, in: 1...1_000_000)
        var limits: [LimitPolicy] = []
        for limit in try file.optionalList("limits", max: Self.limitsMax) {
            let policy = try LimitPolicy(limit, routes: routes)
            guard !limits.contains(where: { $0.id == policy.id }) else {
                throw limit.error("the id \"\(policy.id)\" is taken by another limit")
            }
            limits.append(policy)
        }
        self.limits = limits
        breakers = try BreakerPolicy.all(file.optional("breakers"))
        try file.finish()
    }

    /// The first limit that needs Redis.
    var needsRedis: LimitPolicy? { limits.first { $0.store == .redis } }
}
