import Basics
import Configuration
import ServiceKit

/// Every setting of the provider, with its default and range.
struct ProviderConfiguration: Sendable {
    static let apiPortKey = "MERCATO_PORT_PROVIDER"
    static let operationsPortSetting = PortSetting("MERCATO_PORT_PROVIDER_OPS", default: 8205)

    /// `MERCATO_PORT_PROVIDER`: the API that merchants call.
    let apiPort: Int
    /// `MERCATO_PORT_PROVIDER_OPS`: health, metrics, faults and the journal.
    let operationsPort: Int
    /// `MERCATO_PROVIDER_JOURNAL`: path of the append-only file; made when missing.
    let journal: String
    /// `MERCATO_PROVIDER_HOLD_MS`: how long a "time-out" keeps the caller waiting before the
    /// connection is dropped. Longer than any caller's own time-out.
    let hold: Duration

    init(_ environment: EnvironmentReader) throws(ConfigurationError) {
        apiPort = try environment.integer(Self.apiPortKey, default: 8105, in: 0...65_535)
        operationsPort = try Self.operationsPortSetting.read(environment)
        journal = try environment.text(
            "MERCATO_PROVIDER_JOURNAL", default: "payment-provider.jsonl")
        hold = try environment.milliseconds(
            "MERCATO_PROVIDER_HOLD_MS", default: .seconds(10), in: .milliseconds(10)...(.seconds(600))
        )
    }
}
