import Basics
import Configuration
import Crypto
import Redis
import ServiceKit

/// Every setting of the gateway, checked at start.
struct GatewayConfiguration: Sendable {
    static let apiPortKey = "MERCATO_PORT_GATEWAY"
    static let adminPortSetting = PortSetting("MERCATO_PORT_ADMIN", default: 8081)

    /// `MERCATO_PORT_GATEWAY`, default 8080; 0 for any free port.
    let apiPort: Int
    /// `MERCATO_PORT_ADMIN`, default 8081: admin routes, probes and metrics.
    let adminPort: Int
    /// `MERCATO_TLS_CERT`, `MERCATO_TLS_KEY`, `MERCATO_TLS_CLIENT_CA`, `MERCATO_TLS_CLIENT`: the public
    /// port speaks TLS; nil, the default, for plain HTTP. See `TLSSettings`.
    let tls: ServerTLS?
    /// `MERCATO_HOST` is an address of this machine that no other machine reaches.
    let isLoopback: Bool
    /// `MERCATO_DEMO_IDENTITY`, default off.
    let demoIdentity: Bool
    /// `MERCATO_ADMIN_TOKEN_FILE`: what the admin routes demand off loopback.
    let adminToken: Secret<String>?
    /// `MERCATO_ROUTE_TIMEOUT_MS`, default 5 s: the most a request may take up to its answer's head,
    /// all attempts together (TO-1).
    let routeTimeout: Duration
    /// `MERCATO_CONNECT_TIMEOUT_MS`, default 1 s.
    let connectTimeout: Duration
    /// `MERCATO_STREAM_IDLE_MS`, default 60 s: the longest silence within an answer.
    let streamIdle: Duration
    /// `MERCATO_ADMIN_TIMEOUT_MS`, default 30 s: up to the head of an operator's answer.
    let adminTimeout: Duration
    /// `MERCATO_GATEWAY_POLICIES`: a file of rate limits and breakers; nil for the built-in one.
    let policiesPath: String?
    /// `MERCATO_REDIS_URL`: only needed when a limit is counted in Redis.
    let redis: RedisConfiguration?
    let services: [ServiceAddress]

    static let redisKey = "MERCATO_REDIS_URL"

    /// The shortest admin token that is accepted, in bytes.
    static let adminTokenMin = 16

    init(_ environment: EnvironmentReader) throws {
        tls = try TLSSettings.read(environment)
        apiPort = try environment.integer(Self.apiPortKey, default: 8080, in: 0...65_535)
        adminPort = try Self.adminPortSetting.read(environment)
        let host = try environment.text("MERCATO_HOST", default: "127.0.0.1")
        isLoopback = host.hasPrefix("127.") || host == "::1" || host == "localhost"
        demoIdentity = try environment.flag("MERCATO_DEMO_IDENTITY", default: false)
        let token = try environment.secret("MERCATO_ADMIN_TOKEN", default: "")
        let length = token.reveal().utf8.count
        guard length == 0 || length >= Self.adminTokenMin else {
            throw ConfigurationError(
                .outOfRange, key: "MERCATO_ADMIN_TOKEN",
                "is too short; allowed are \(Self.adminTokenMin) bytes or more")
        }
        adminToken = length == 0 ? nil : token
        routeTimeout = try environment.milliseconds(
            "MERCATO_ROUTE_TIMEOUT_MS", default: .seconds(5), in: .milliseconds(20)...(.seconds(60)))
        connectTimeout = try environment.milliseconds(
            "MERCATO_CONNECT_TIMEOUT_MS", default: .seconds(1),
            in: .milliseconds(10)...(.seconds(10)))
        streamIdle = try environment.milliseconds(
            "MERCATO_STREAM_IDLE_MS", default: .seconds(60), in: .milliseconds(20)...(.seconds(600)))
        adminTimeout = try environment.milliseconds(
            "MERCATO_ADMIN_TIMEOUT_MS", default: .seconds(30),
            in: .milliseconds(100)...(.seconds(600)))
        policiesPath = environment.optionalText("MERCATO_GATEWAY_POLICIES")
        redis = try Self.redis(environment)
        var services: [ServiceAddress] = []
        for known in KnownService.allCases {
            services.append(try ServiceAddress(known, environment))
        }
        self.services = services
    }

    private static func redis(
        _ environment: EnvironmentReader
    ) throws(ConfigurationError) -> RedisConfiguration? {
        // A secret, because the URL may hold a password.
        let url = try environment.secret(redisKey, default: "").reveal()
        guard !url.isEmpty else { return nil }
        guard let configuration = RedisConfiguration(url: url) else {
            throw ConfigurationError(
                .malformed, key: redisKey,
                "is not of the form redis://[user:password@]host[:port][/database]")
        }
        return configuration
    }

    func address(of service: KnownService) -> ServiceAddress? {
        services.first { $0.service == service }
    }
}

/// The services behind the gateway; the raw value is `service.name` everywhere.
enum KnownService: String, Sendable, CaseIterable {
    case cart, order, inventory, payment
    case provider = "payment-provider"

    /// As in `MERCATO_URL_CART`.
    var key: String {
        switch self {
        case .cart: "CART"
        case .order: "ORDER"
        case .inventory: "INVENTORY"
        case .payment: "PAYMENT"
        case .provider: "PROVIDER"
        }
    }

    var defaultPort: Int {
        switch self {
        case .cart: 8101
        case .order: 8102
        case .inventory: 8103
        case .payment: 8104
        case .provider: 8105
        }
    }

    /// From a path; `provider` is short for `payment-provider`.
    init?(path: String) {
        if path == "provider" { self = .provider } else { self.init(rawValue: path) }
    }
}

/// Where a service's two listeners are.
struct ServiceAddress: Sendable, Equatable {
    let service: KnownService
    /// `MERCATO_URL_<NAME>`, default this machine and `MERCATO_PORT_<NAME>`.
    let url: String
    /// `MERCATO_OPS_URL_<NAME>`, default this machine and `MERCATO_PORT_<NAME>_OPS`.
    let operationsURL: String

    init(_ service: KnownService, _ environment: EnvironmentReader) throws(ConfigurationError) {
        self.service = service
        url = try Self.url(
            "MERCATO_URL_\(service.key)", "MERCATO_PORT_\(service.key)", service.defaultPort,
            environment)
        operationsURL = try Self.url(
            "MERCATO_OPS_URL_\(service.key)", "MERCATO_PORT_\(service.key)_OPS",
            service.defaultPort + 100, environment)
    }

    private static func url(
        _ key: String, _ portKey: String, _ port: Int, _ environment: EnvironmentReader
    ) throws(ConfigurationError) -> String {
        let port = try environment.integer(portKey, default: port, in: 1...65_535)
        let url = try environment.text(key, default: "http://127.0.0.1:\(port)")
        let rest = url.dropFirst("http://".count)
        let base = rest.hasSuffix("/") ? rest.dropLast() : rest
        guard url.hasPrefix("http://"), !base.isEmpty,
            base.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }),
            !base.contains(where: { "/?#@".contains($0) })
        else {
            throw ConfigurationError(
                .malformed, key: key, "is \"\(url)\"; allowed is http://host:port without a path")
        }
        return "http://" + base
    }
}
