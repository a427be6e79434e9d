import Basics

/// The payment provider's own faults, switched through the gateway's admin port: the same at every
/// place, and nothing is stopped.
package struct ProviderInjector: FaultInjector {
    private struct Body: Encodable {
        let mode: String
        let delay_ms: Int64?
    }

    private let admin: AdminAPI
    private let fault: ChaosFault
    private static let path = "/admin/payment-provider/faults"

    package init(_ admin: AdminAPI, _ fault: ChaosFault) {
        self.admin = admin
        self.fault = fault
    }

    /// The provider's word for the mode.
    private var mode: String {
        switch fault.mode {
        case .slow, nil: "delay"
        case .failing: "fail"
        case .lying: "timeout_effect"
        }
    }

    package func strike() async throws -> String {
        try await admin.send(
            "PUT", Self.path, Body(mode: mode, delay_ms: fault.delay?.inMilliseconds))
        return "the provider's fault switch is \(mode)"
    }

    package func mend() async throws -> String {
        try await admin.send("PUT", Self.path, Body(mode: "off", delay_ms: nil))
        let state = try await state()
        return "the fault switch is \(state.mode); \(state.met) calls have met a fault since the "
            + "provider's start"
    }

    /// The provider counts the calls that met a fault: a switch that nobody runs into proves nothing.
    package func look() async -> [Sighting] {
        let state: (mode: String, met: Int64)
        do {
            state = try await self.state()
        } catch {
            return [Sighting("the provider's fault switch", "cannot be asked")]
        }
        guard state.mode != "off" else { return [Sighting("the provider's fault switch", "off")] }
        return [
            Sighting(
                "the provider's fault switch",
                state.met > 0 ? "\(state.mode), and calls meet it" : "\(state.mode), no call yet",
                provesFault: state.met > 0)
        ]
    }

    /// `met` counts since the switch was last turned to a fault.
    private func state() async throws -> (mode: String, met: Int64) {
        let answer = try await admin.get(Self.path)
        let object = try JSONObject(answer.body, what: "the provider's fault switch")
        return (try object.text("mode"), try object.integer("met"))
    }
}
