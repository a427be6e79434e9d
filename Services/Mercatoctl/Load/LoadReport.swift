package import Basics
import Foundation

/// A run as JSON: `mercato.load.v1`, described in docs/load.md. k6's scripts write the same.
package struct LoadReport: Sendable, Equatable, Codable {
    package static let schema = "mercato.load.v1"

    /// In milliseconds; null without observations.
    package struct Quantiles: Sendable, Equatable, Codable {
        package var p50: Double?
        package var p90: Double?
        package var p99: Double?
        package var max: Double?

        package init(_ histogram: LatencyHistogram) {
            p50 = Self.milliseconds(histogram.quantile(0.5))
            p90 = Self.milliseconds(histogram.quantile(0.9))
            p99 = Self.milliseconds(histogram.quantile(0.99))
            max = Self.milliseconds(histogram.largest)
        }

        static func milliseconds(_ duration: Duration?) -> Double? {
            duration.map { Double($0.inMicroseconds) / 1_000 }
        }
    }

    package struct Arrivals: Sendable, Equatable, Codable {
        package var planned: Int
        package var sent: Int
        package var not_sent: Int
        /// The generator's own worst delay.
        package var latest_start_ms: Double
    }

    package struct Requests: Sendable, Equatable, Codable {
        package var kind: String
        package var count: Int
        package var failed: Int
        package var answers: [String: Int]
        package var latency_ms: Quantiles
    }

    package struct Orders: Sendable, Equatable, Codable {
        package var attempted: Int
        package var accepted: Int
        package var confirmed: Int
        package var cancelled: [String: Int]
        package var unfinished: Int
        package var unknown: Int
        package var refused: Int
        package var not_placed: Int
        package var confirmed_per_second: Double
        package var accepted_ms: Quantiles
        package var confirmed_ms: Quantiles
    }

    /// The flash sale's product.
    package struct Stock: Sendable, Equatable, Codable {
        package var sku: String
        package var before: Int64
        package var sold: Int64
        package var after: Int64?
    }

    package var schema = LoadReport.schema
    package var generator: String
    package var profile: String
    package var target: String
    package var started_at: String
    package var rate_per_second: Double
    package var duration_seconds: Double
    package var seed: UInt64
    package var arrivals: Arrivals
    package var requests: [Requests]
    package var orders: Orders?
    package var stock: Stock?
    package var thresholds: [LoadThreshold]
    package var passed: Bool

    /// Sorted and indented, for people and for `diff`.
    package func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    }
}

extension LoadReport {
    /// What is known when a run is over.
    package struct Material: Sendable {
        package var plan: LoadPlan
        package var target: String
        package var startedAt: WallTime
        package var began: ContinuousClock.Instant
        package var tally: OpenLoop.Tally
        package var sums: LoadRecorder.Sums
        package var stock: Stock?
    }

    package init(_ material: Material) {
        let (plan, sums) = (material.plan, material.sums)
        generator = "mercatoctl"
        profile = plan.profile.rawValue
        target = material.target
        started_at = material.startedAt.description
        rate_per_second = plan.rate
        duration_seconds = plan.duration.inSeconds
        seed = plan.seed
        arrivals = Arrivals(
            planned: material.tally.planned, sent: material.tally.started,
            not_sent: material.tally.notSent,
            latest_start_ms: Double(material.tally.latest.inMicroseconds) / 1_000)
        requests = CallKind.allCases.compactMap { kind in
            sums.calls[kind].map {
                Requests(
                    kind: kind.rawValue, count: $0.latency.count, failed: $0.failed,
                    answers: $0.answers, latency_ms: Quantiles($0.latency))
            }
        }
        orders = plan.profile == .browse ? nil : Orders(
            sums.orders, from: material.began, atLeast: plan.duration)
        stock = material.stock
        thresholds = LoadThresholds.verdict(
            plan.profile, Self.figures(material), changed: plan.bounds)
        passed = thresholds.allSatisfy(\.passed)
    }

    /// Each figure that a threshold may name.
    static func figures(_ material: Material) -> LoadThresholds.Figures {
        let (sums, orders) = (material.sums, material.sums.orders)
        var figures: LoadThresholds.Figures = [
            "not_sent": Double(material.tally.notSent),
            "unfinished_orders": Double(orders.unfinished + orders.unknown),
        ]
        if sums.requests > 0 {
            figures["failed_requests_share"] = Double(sums.failed) / Double(sums.requests)
        }
        if orders.attemptedGood > 0 {
            figures["good_confirmed_share"] =
                Double(orders.confirmedGood) / Double(orders.attemptedGood)
        }
        // The worst kind: a mean over kinds would hide it.
        figures["request_p99_ms"] = sums.calls.values.compactMap {
            Quantiles($0.latency).p99
        }.max()
        figures["accepted_p99_ms"] = Quantiles(orders.acceptedAfter).p99
        figures["confirmed_p99_ms"] = Quantiles(orders.confirmedAfter).p99
        if let stock = material.stock {
            let wanted = min(stock.before, Int64(orders.accepted))
            figures["oversold_pieces"] = Double(max(0, stock.sold - stock.before))
            figures["unsold_pieces"] = Double(max(0, wanted - stock.sold))
            figures["stock_difference"] = stock.after.map {
                Double(abs(stock.before - stock.sold - $0))
            }
        }
        return figures
    }
}

extension LoadReport.Orders {
    /// - Parameter duration: the arrivals' time; a run whose last confirmation came later is judged
    ///   by that.
    init(
        _ orders: LoadRecorder.Orders, from began: ContinuousClock.Instant,
        atLeast duration: Duration
    ) {
        attempted = orders.attempted
        accepted = orders.accepted
        confirmed = orders.confirmed
        cancelled = orders.cancelled
        unfinished = orders.unfinished
        unknown = orders.unknown
        refused = orders.refused
        not_placed = orders.notPlaced
        let took = max(duration, orders.lastConfirmed.map { began.duration(to: $0) } ?? duration)
        confirmed_per_second = Double(orders.confirmed) / took.inSeconds
        accepted_ms = LoadReport.Quantiles(orders.acceptedAfter)
        confirmed_ms = LoadReport.Quantiles(orders.confirmedAfter)
    }
}
