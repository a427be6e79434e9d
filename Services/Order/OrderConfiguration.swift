import Basics
package import Configuration
package import Saga
package import ServiceKit

/// Every key of this service besides those that all services share (see `DurableSettings`).
///
/// | key | default | range |
/// |---|---|---|
/// | `MERCATO_PORT_ORDER`, `MERCATO_PORT_ORDER_OPS` | 8102, 8202 | 0–65535 |
/// | `MERCATO_URL_CART`, `MERCATO_URL_INVENTORY` | `http://127.0.0.1:8101`, `…:8103` | |
/// | `MERCATO_STOCK_ATTEMPT_MS`, `_CAP_MS`, `_BUDGET_MS` | 2 000, 15 000, 60 000 | 10–3 600 000 |
/// | `MERCATO_AUTHORIZE_ATTEMPT_MS`, `_CAP_MS`, `_BUDGET_MS` | 5 000, 30 000, 90 000 | 10–3 600 000 |
/// | `MERCATO_CAPTURE_ATTEMPT_MS`, `_CAP_MS`, `_BUDGET_MS` | 5 000, 60 000, 900 000 | 10–3 600 000 |
/// | `MERCATO_COMPENSATION_ATTEMPT_MS`, `_CAP_MS`, `_BUDGET_MS` | 2 000, 60 000, 3 600 000 | 10–3 600 000 |
/// | `MERCATO_CAPTURE_AFTER_BUDGET_MS`, `MERCATO_COMPENSATION_AFTER_BUDGET_MS` | 300 000, 60 000 | 10–3 600 000 |
/// | `MERCATO_RESERVATION_TTL_MS`, rounded up to seconds | 900 000 | 1 000–86 400 000 |
/// | `MERCATO_SAGA_SCAN_MS` | 250 | 10–60 000 |
/// | `MERCATO_SAGA_FAILURE_MS`, `MERCATO_SAGA_FAILURE_CAP_MS` | 1 000, 60 000 | 10–3 600 000 |
/// | `MERCATO_SAGA_WAKE_SPREAD_MS` | 2 000 | 0–600 000 |
/// | `MERCATO_TWIN_WAIT_MS` | 250 | 10–2 000 |
/// | `MERCATO_STREAM_HEARTBEAT_MS` | 15 000 | 100–600 000 |
/// | `MERCATO_STREAM_POLL_MS` | 1 000 | 10–60 000 |
/// | `MERCATO_STREAMS_MAX`, `MERCATO_STREAMS_PER_CUSTOMER_MAX` | 1 000, 20 | 1–100 000 |
///
/// Of one step, attempt ≤ cap ≤ budget; where only the larger one is set lower, the others' defaults
/// follow. The reservation must outlive the budgets of Reserve, Authorize and CommitStock.
package struct OrderConfiguration: Sendable {
    package static let operationsPortSetting = PortSetting("MERCATO_PORT_ORDER_OPS", default: 8202)

    package var port: Int
    package var operationsPort: Int
    package var cartURL: String
    package var inventoryURL: String
    package var policy: CheckoutPolicy
    package var scanInterval: Duration
    package var failureBackoff: SagaTimers.FailureBackoff
    package var wakeSpread: Duration
    package var twinWait: Duration
    package var streams: StreamLimits

    package static func read(_ environment: EnvironmentReader) throws(ConfigurationError)
        -> OrderConfiguration
    {
        var policy = CheckoutPolicy()
        policy.stock = try step("STOCK", policy.stock, environment)
        policy.authorize = try step("AUTHORIZE", policy.authorize, environment)
        policy.capture = try step("CAPTURE", policy.capture, environment, goesOn: true)
        policy.compensation = try step(
            "COMPENSATION", policy.compensation, environment, goesOn: true)
        policy.reservationTTL = try environment.milliseconds(
            "MERCATO_RESERVATION_TTL_MS", default: policy.reservationTTL,
            in: .seconds(1) ... .seconds(86_400))
        try check(policy)
        return OrderConfiguration(
            port: try environment.integer("MERCATO_PORT_ORDER", default: 8102, in: 0...65_535),
            operationsPort: try operationsPortSetting.read(environment),
            cartURL: try environment.text("MERCATO_URL_CART", default: "http://127.0.0.1:8101"),
            inventoryURL: try environment.text(
                "MERCATO_URL_INVENTORY", default: "http://127.0.0.1:8103"),
            policy: policy,
            scanInterval: try environment.milliseconds(
                "MERCATO_SAGA_SCAN_MS", default: .milliseconds(250),
                in: .milliseconds(10) ... .seconds(60)),
            failureBackoff: try failureBackoff(environment),
            wakeSpread: try environment.milliseconds(
                "MERCATO_SAGA_WAKE_SPREAD_MS", default: .seconds(2), in: .zero ... .seconds(600)),
            twinWait: try environment.milliseconds(
                "MERCATO_TWIN_WAIT_MS", default: .milliseconds(250),
                in: .milliseconds(10) ... .seconds(2)),
            streams: try streams(environment))
    }

    private static let stepRange: ClosedRange<Duration> = .milliseconds(10) ... .seconds(3600)

    private static func step(
        _ name: String, _ preset: StepPolicy, _ environment: EnvironmentReader,
        goesOn: Bool = false
    ) throws(ConfigurationError) -> StepPolicy {
        func key(_ part: String) -> String { "MERCATO_\(name)_\(part)_MS" }
        let budget = try environment.milliseconds(
            key("BUDGET"), default: preset.budget, in: stepRange)
        let cap = try environment.milliseconds(
            key("CAP"), default: min(preset.cap, budget), in: stepRange)
        let attempt = try environment.milliseconds(
            key("ATTEMPT"), default: min(preset.attempt, cap), in: stepRange)
        try require(attempt, key("ATTEMPT"), notAbove: cap, key("CAP"))
        try require(cap, key("CAP"), notAbove: budget, key("BUDGET"))
        // Only a step that goes on after its budget has a pace for that.
        let after =
            goesOn
            ? try environment.milliseconds(
                key("AFTER_BUDGET"), default: preset.afterBudget, in: stepRange)
            : preset.afterBudget
        return StepPolicy(attempt: attempt, cap: cap, budget: budget, afterBudget: after)
    }

    private static func failureBackoff(_ environment: EnvironmentReader)
        throws(ConfigurationError) -> SagaTimers.FailureBackoff
    {
        let (key, capKey) = ("MERCATO_SAGA_FAILURE_MS", "MERCATO_SAGA_FAILURE_CAP_MS")
        let cap = try environment.milliseconds(capKey, default: .seconds(60), in: stepRange)
        let base = try environment.milliseconds(
            key, default: min(.seconds(1), cap), in: stepRange)
        try require(base, key, notAbove: cap, capKey)
        return SagaTimers.FailureBackoff(base: base, cap: cap)
    }

    private static func streams(_ environment: EnvironmentReader) throws(ConfigurationError)
        -> StreamLimits
    {
        StreamLimits(
            heartbeat: try environment.milliseconds(
                "MERCATO_STREAM_HEARTBEAT_MS", default: .seconds(15),
                in: .milliseconds(100) ... .seconds(600)),
            pollInterval: try environment.milliseconds(
                "MERCATO_STREAM_POLL_MS", default: .seconds(1),
                in: .milliseconds(10) ... .seconds(60)),
            total: try environment.integer(
                "MERCATO_STREAMS_MAX", default: 1_000, in: 1...100_000),
            perCustomer: try environment.integer(
                "MERCATO_STREAMS_PER_CUSTOMER_MAX", default: 20, in: 1...100_000))
    }

    /// A hold that may run out while its order is still on the way would make good orders fail.
    private static func check(_ policy: CheckoutPolicy) throws(ConfigurationError) {
        guard policy.reservationTTL >= policy.budgetsBeforePivot else {
            throw ConfigurationError(
                .outOfRange, key: "MERCATO_RESERVATION_TTL_MS",
                "is \(policy.reservationTTL.inMilliseconds); it must not be less than twice "
                    + "MERCATO_STOCK_BUDGET_MS plus MERCATO_AUTHORIZE_BUDGET_MS, which is "
                    + "\(policy.budgetsBeforePivot.inMilliseconds)")
        }
    }

    private static func require(
        _ lower: Duration, _ lowerKey: String, notAbove upper: Duration, _ upperKey: String
    ) throws(ConfigurationError) {
        guard lower <= upper else {
            throw ConfigurationError(
                .outOfRange, key: lowerKey,
                "is \(lower.inMilliseconds); it must not be more than \(upperKey), which is "
                    + "\(upper.inMilliseconds)")
        }
    }
}
