import Basics
import Configuration
import ServiceKit

/// Every setting of the payment service besides those of `DurableSettings`. Relations between settings
/// are checked here, so that a contradiction stops the start and not a payment.
struct PaymentConfiguration: Sendable {
    static let apiPortKey = "MERCATO_PORT_PAYMENT"
    static let operationsPortSetting = PortSetting("MERCATO_PORT_PAYMENT_OPS", default: 8204)

    let apiPort: Int
    let operationsPort: Int
    /// `MERCATO_URL_PROVIDER`.
    let providerURL: String
    /// `MERCATO_PROVIDER_TIMEOUT_MS`: one exchange with the provider.
    let providerTimeout: Duration
    /// `MERCATO_PROVIDER_KEY_TTL_MS`: how long the provider certainly keeps a key.
    let keyTimeToLive: Duration
    /// `MERCATO_PAYMENT_CONCURRENCY`: operations worked on at once.
    let concurrency: Int
    /// `MERCATO_PAYMENT_LEASE_MS` and `MERCATO_PAYMENT_LEASE_RENEWAL_MS`.
    let lease: Duration
    let leaseRenewal: Duration
    /// `MERCATO_PAYMENT_SCAN_MS`: how long a due operation can stay unseen.
    let scan: Duration
    /// `MERCATO_PAYMENT_RETRY_MS` and `MERCATO_PAYMENT_RETRY_CAP_MS`: ×2, full jitter.
    let retryBase: Duration
    let retryCap: Duration
    /// `MERCATO_FAILPOINTS`: for fault tests, for example "F9=kill".
    let failpoints: String

    init(_ environment: EnvironmentReader) throws(ConfigurationError) {
        apiPort = try environment.integer(Self.apiPortKey, default: 8104, in: 0...65_535)
        operationsPort = try Self.operationsPortSetting.read(environment)
        providerURL = try environment.text("MERCATO_URL_PROVIDER", default: "http://127.0.0.1:8105")
        let (short, long) = (Duration.milliseconds(10), Duration.seconds(600))
        providerTimeout = try environment.milliseconds(
            "MERCATO_PROVIDER_TIMEOUT_MS", default: .seconds(3), in: short...long)
        keyTimeToLive = try environment.milliseconds(
            "MERCATO_PROVIDER_KEY_TTL_MS", default: .seconds(24 * 3600),
            in: .seconds(2 * 3600)...(.seconds(720 * 3600)))
        concurrency = try environment.integer(
            "MERCATO_PAYMENT_CONCURRENCY", default: 32, in: 1...256)
        lease = try environment.milliseconds(
            "MERCATO_PAYMENT_LEASE_MS", default: .seconds(10), in: .milliseconds(100)...long)
        leaseRenewal = try environment.milliseconds(
            "MERCATO_PAYMENT_LEASE_RENEWAL_MS", default: .seconds(3), in: short...long)
        scan = try environment.milliseconds(
            "MERCATO_PAYMENT_SCAN_MS", default: .milliseconds(500), in: short...(.seconds(60)))
        retryBase = try environment.milliseconds(
            "MERCATO_PAYMENT_RETRY_MS", default: .seconds(1), in: short...long)
        retryCap = try environment.milliseconds(
            "MERCATO_PAYMENT_RETRY_CAP_MS", default: .seconds(15), in: short...long)
        failpoints = environment.optionalText("MERCATO_FAILPOINTS") ?? ""
        guard leaseRenewal * 2 <= lease else {
            throw ConfigurationError(
                .outOfRange, key: "MERCATO_PAYMENT_LEASE_RENEWAL_MS",
                "\(leaseRenewal.inMilliseconds) is more than half of MERCATO_PAYMENT_LEASE_MS "
                    + "(\(lease.inMilliseconds))")
        }
        guard retryBase <= retryCap else {
            throw ConfigurationError(
                .outOfRange, key: "MERCATO_PAYMENT_RETRY_MS",
                "\(retryBase.inMilliseconds) is more than MERCATO_PAYMENT_RETRY_CAP_MS "
                    + "(\(retryCap.inMilliseconds))")
        }
    }
}
