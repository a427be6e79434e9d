import Foundation

/// A report as a page of text; the k6 scripts print the same page (deploy/load/lib/report.js).
package enum LoadTable {
    package static func lines(_ report: LoadReport) -> [String] {
        [
            "\(report.profile): \(number(report.rate_per_second))/s for "
                + "\(number(report.duration_seconds)) s against \(report.target) "
                + "(\(report.generator), seed \(report.seed))",
            "",
        ] + requests(report.requests) + [""] + counts(report) + [""]
            + thresholds(report.thresholds) + ["", report.passed ? "PASSED" : "FAILED"]
    }

    private static func requests(_ rows: [LoadReport.Requests]) -> [String] {
        let head = row("request, ms", ["count", "failed", "p50", "p90", "p99", "max"], "answers")
        return [head] + rows.map { request in
            let latency = request.latency_ms
            return row(
                request.kind,
                [String(request.count), String(request.failed)]
                    + [latency.p50, latency.p90, latency.p99, latency.max].map(milliseconds),
                list(request.answers))
        }
    }

    private static func row(_ name: String, _ columns: [String], _ rest: String) -> String {
        left(name, 14) + columns.map { right($0, 9) }.joined() + "  " + rest
    }

    private static func counts(_ report: LoadReport) -> [String] {
        let arrivals = report.arrivals
        var lines = [
            left("arrivals", 14) + "\(arrivals.planned) planned, \(arrivals.sent) sent, "
                + "\(arrivals.not_sent) not sent; latest start "
                + "\(milliseconds(arrivals.latest_start_ms)) ms"
        ]
        if let orders = report.orders {
            let cancelled = orders.cancelled.values.reduce(0, +)
            let reasons = cancelled > 0 ? " (\(list(orders.cancelled)))" : ""
            lines += [
                left("orders", 14) + "\(orders.attempted) attempted, \(orders.accepted) accepted: "
                    + "\(orders.confirmed) confirmed, \(cancelled) cancelled\(reasons), "
                    + "\(orders.unfinished) unfinished",
                left("without 202", 14) + "\(orders.refused) refused, \(orders.unknown) unknown, "
                    + "\(orders.not_placed) not placed",
                left("accepted, ms", 14) + quantiles(orders.accepted_ms),
                left("confirmed, ms", 14) + quantiles(orders.confirmed_ms),
                left("confirmed/s", 14) + number(orders.confirmed_per_second),
            ]
        }
        if let stock = report.stock {
            lines.append(
                left("stock", 14) + "\(stock.sku): \(stock.before) before, \(stock.sold) sold, "
                    + "\(stock.after.map { String($0) } ?? "?") after")
        }
        return lines
    }

    private static func thresholds(_ thresholds: [LoadThreshold]) -> [String] {
        [left("threshold", 24) + right("value", 12) + right("bound", 12) + "  verdict"]
            + thresholds.map { threshold in
                let sign = threshold.rule == .atMost ? "<=" : ">="
                return left(threshold.name, 24)
                    + right(threshold.value.map(number) ?? "no data", 12)
                    + right("\(sign) \(number(threshold.bound))", 12)
                    + "  \(threshold.passed ? "pass" : "FAIL")"
            }
    }

    private static func quantiles(_ values: LoadReport.Quantiles) -> String {
        "p50 \(milliseconds(values.p50)), p90 \(milliseconds(values.p90)), "
            + "p99 \(milliseconds(values.p99)), max \(milliseconds(values.max))"
    }

    private static func list(_ counts: [String: Int]) -> String {
        counts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
    }

    static func milliseconds(_ value: Double?) -> String {
        value.map { String(format: "%.1f", rounded($0, to: 10)) } ?? "-"
    }

    /// Halves go up. `printf` takes the even neighbour and k6's JavaScript the larger one, so
    /// neither is left to choose.
    private static func rounded(_ value: Double, to scale: Double) -> Double {
        (value * scale).rounded() / scale
    }

    /// At most three decimals, none that say nothing.
    static func number(_ value: Double) -> String {
        let text = String(format: "%.3f", rounded(value, to: 1_000))
        guard text.contains(".") else { return text }
        var end = text.endIndex
        while text[text.index(before: end)] == "0" { end = text.index(before: end) }
        if text[text.index(before: end)] == "." { end = text.index(before: end) }
        return String(text[..<end])
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }
}
