import Basics
import Synchronization

/// Adds up what a run's customers met.
package final class LoadRecorder: Sendable {
    /// The requests of one kind.
    package struct Calls: Sendable {
        package var latency = LatencyHistogram()
        package var failed = 0
        /// By status, or by the name of a failure.
        package var answers: [String: Int] = [:]
    }

    /// The orders of a run.
    package struct Orders: Sendable {
        package var attempted = 0
        package var attemptedGood = 0
        package var accepted = 0
        package var confirmed = 0
        package var confirmedGood = 0
        /// By reason.
        package var cancelled: [String: Int] = [:]
        package var unfinished = 0
        package var unknown = 0
        package var refused = 0
        package var notPlaced = 0
        package var acceptedAfter = LatencyHistogram()
        package var confirmedAfter = LatencyHistogram()
        /// Pieces in confirmed orders.
        package var pieces: Int64 = 0
        /// When the last order was confirmed; nil before the first.
        package var lastConfirmed: ContinuousClock.Instant?
    }

    package struct Sums: Sendable {
        package var calls: [CallKind: Calls] = [:]
        package var orders = Orders()

        /// Requests of all kinds.
        package var requests: Int { calls.values.reduce(0) { $0 + $1.latency.count } }
        package var failed: Int { calls.values.reduce(0) { $0 + $1.failed } }
    }

    private let state = Mutex(Sums())

    package init() {}

    package var sums: Sums { state.withLock { $0 } }

    package func add(_ call: CallRecord) {
        state.withLock { Self.add(call, to: &$0) }
    }

    package func add(_ buy: BuyRecord) {
        state.withLock { sums in
            for call in buy.calls { Self.add(call, to: &sums) }
            Self.add(buy, to: &sums.orders)
        }
    }

    private static func add(_ call: CallRecord, to sums: inout Sums) {
        sums.calls[call.kind, default: Calls()].latency.record(call.latency)
        if !call.isGood { sums.calls[call.kind, default: Calls()].failed += 1 }
        // A broken answer is named by what broke it; its status promised more than came.
        let answer = call.failure ?? call.status.map(String.init) ?? "none"
        sums.calls[call.kind, default: Calls()].answers[answer, default: 0] += 1
    }

    private static func add(_ buy: BuyRecord, to orders: inout Orders) {
        orders.attempted += 1
        if buy.purchase.isGood { orders.attemptedGood += 1 }
        if let accepted = buy.accepted {
            orders.accepted += 1
            orders.acceptedAfter.record(accepted)
        }
        switch buy.end {
        case .confirmed:
            orders.confirmed += 1
            if buy.purchase.isGood { orders.confirmedGood += 1 }
            orders.pieces += Int64(buy.purchase.quantity)
            guard let after = buy.ended else { return }
            orders.confirmedAfter.record(after)
            orders.lastConfirmed = max(buy.intended + after, orders.lastConfirmed ?? buy.intended)
        case .cancelled(let reason): orders.cancelled[reason, default: 0] += 1
        case .unfinished: orders.unfinished += 1
        case .unknown: orders.unknown += 1
        case .refused: orders.refused += 1
        case .notPlaced: orders.notPlaced += 1
        }
    }
}
