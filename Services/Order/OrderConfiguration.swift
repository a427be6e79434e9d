package import Configuration
import Basics
import Saga

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
/// | `MERCATO_RESERVATION_TTL_MS` | 900 000 | 100–86 400 000 |
/// | `MERCATO_SAGA_SCAN_MS` | 250 | 10–60 000 |
/// | `MERCATO_STREAM_HEARTBEAT_MS` | 15 000 | 100–600 000 |
/// | `MERCATO_STREAMS_MAX` | 1 000 | 1–100 000 |
package struct OrderConfiguration: Sendable {
    package var port: Int
    package var operationsPort: Int
    package var cartURL: String
    package var inventoryURL: String
    package var policy: CheckoutPolicy
    package var scanInterval: Duration
    package var heartbeat: Duration
    package var streamsMax: Int

    package static func read(_ environment: EnvironmentReader) throws(ConfigurationError)
        -> OrderConfiguration
    {
        var policy = CheckoutPolicy()
        policy.stock = try step("STOCK", policy.stock, environment)
        policy.authorize = try step("AUTHORIZE", policy.authorize, environment)
        policy.capture = try step("CAPTURE", policy.capture, environment)
        policy.compensation = try step("COMPENSATION", policy.compensation, environment)
        policy.reservationTTL = try environment.milliseconds(
            "MERCATO_RESERVATION_TTL_MS", default: policy.reservationTTL,
            in: .milliseconds(100) ... .seconds(86_400))
        return OrderConfiguration(
            port: try environment.integer("MERCATO_PORT_ORDER", default: 8102, in: 0...65_535),
            operationsPort: try environment.integer(
                "MERCATO_PORT_ORDER_OPS", default: 8202, in: 0...65_535),
            cartURL: try environment.text("MERCATO_URL_CART", default: "http://127.0.0.1:8101"),
            inventoryURL: try environment.text(
                "MERCATO_URL_INVENTORY", default: "http://127.0.0.1:8103"),
            policy: policy,
            scanInterval: try environment.milliseconds(
                "MERCATO_SAGA_SCAN_MS", default: .milliseconds(250),
                in: .milliseconds(10) ... .seconds(60)),
            heartbeat: try environment.milliseconds(
                "MERCATO_STREAM_HEARTBEAT_MS", default: .seconds(15),
                in: .milliseconds(100) ... .seconds(600)),
            streamsMax: try environment.integer(
                "MERCATO_STREAMS_MAX", default: 1_000, in: 1...100_000))
    }

    private static func step(_ name: String, _ preset: StepPolicy, _ environment: EnvironmentReader)
        throws(ConfigurationError) -> StepPolicy
    {
        let range: ClosedRange<Duration> = .milliseconds(10) ... .seconds(3600)
        return StepPolicy(
            attempt: try environment.milliseconds(
                "MERCATO_\(name)_ATTEMPT_MS", default: preset.attempt, in: range),
            cap: try environment.milliseconds(
                "MERCATO_\(name)_CAP_MS", default: preset.cap, in: range),
            budget: try environment.milliseconds(
                "MERCATO_\(name)_BUDGET_MS", default: preset.budget, in: range),
            afterBudget: preset.afterBudget)
    }
}
