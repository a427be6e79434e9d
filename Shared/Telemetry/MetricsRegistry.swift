import Synchronization

/// All instruments of a process, and their Prometheus text.
///
/// Asking twice for one name and one set of labels gives the same instrument, so callers need not
/// keep them. A family holds at most `seriesMax` sets of labels: a label taken from user input
/// would otherwise grow without end; later sets share the series `overflow="true"`.
package final class MetricsRegistry: Sendable {
    /// The most sets of labels in one family.
    package static let seriesMax = 1_000

    private enum Instrument {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
        /// A counter whose value is kept elsewhere, for example by the kernel.
        case reading(@Sendable () -> Double)

        var kind: String {
            switch self {
            case .counter, .reading: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    private struct Family {
        let kind: String
        let help: String
        var series: [String: Instrument] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var collectors: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    /// An empty registry; a process has one.
    package init() {}

    /// The counter of this name and these labels. Names end in `_total`.
    package func counter(_ name: String, help: String, labels: [String: String] = [:]) -> Counter {
        guard
            case .counter(let counter) = instrument(
                name, help, labels, make: { .counter(Counter()) })
        else { return Counter() }
        return counter
    }

    /// The gauge of this name and these labels.
    package func gauge(_ name: String, help: String, labels: [String: String] = [:]) -> Gauge {
        guard case .gauge(let gauge) = instrument(name, help, labels, make: { .gauge(Gauge()) })
        else { return Gauge() }
        return gauge
    }

    /// The histogram of this name and these labels; `buckets` counts at the first call only.
    package func histogram(
        _ name: String, help: String, labels: [String: String] = [:],
        buckets: [Double] = Histogram.requestBuckets
    ) -> Histogram {
        guard
            case .histogram(let histogram) = instrument(
                name, help, labels, make: { .histogram(Histogram(buckets: buckets)) })
        else { return Histogram(buckets: buckets) }
        return histogram
    }

    /// A counter whose value somebody else keeps, in the unit that the name says; `read` is called at
    /// each rendering, from any thread. The first reader of a name and labels stays.
    package func counter(
        _ name: String, help: String, labels: [String: String] = [:],
        reading read: @escaping @Sendable () -> Double
    ) {
        _ = instrument(name, help, labels, make: { .reading(read) })
    }

    /// Announces a counter whose first series comes later: its help and type are shown from now on.
    package func declareCounter(_ name: String, help: String) {
        precondition(PrometheusText.isName(name), "not a metric name")
        state.withLock { state in
            state.families[name] = state.families[name] ?? Family(kind: "counter", help: help)
        }
    }

    /// Calls the body before each rendering, to set gauges whose value is read elsewhere.
    package func beforeRender(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.collectors.append(body) }
    }

    private func instrument(
        _ name: String, _ help: String, _ labels: [String: String], make: () -> Instrument
    ) -> Instrument {
        precondition(PrometheusText.isName(name), "not a metric name")
        let key = PrometheusText.labels(labels)
        return state.withLock { state in
            var family = state.families[name] ?? Family(kind: make().kind, help: help)
            let chosen =
                family.series[key] != nil || family.series.count < Self.seriesMax
                ? key : PrometheusText.labels(["overflow": "true"])
            if let known = family.series[chosen] { return known }
            let made = make()
            // One name with two kinds is a programmer's mistake that would spoil the whole page.
            precondition(made.kind == family.kind, "a metric name is used with two kinds")
            family.series[chosen] = made
            state.families[name] = family
            return made
        }
    }

    /// The exposition format 0.0.4, families and series sorted by name.
    package func render() -> String {
        for collect in state.withLock({ $0.collectors }) { collect() }
        let families = state.withLock { $0.families }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# HELP \(name) \(PrometheusText.escapedHelp(family.help))\n"
            text += "# TYPE \(name) \(family.kind)\n"
            for (labels, instrument) in family.series.sorted(by: { $0.key < $1.key }) {
                switch instrument {
                case .counter(let counter):
                    text += PrometheusText.sample(name, labels, String(counter.value))
                case .gauge(let gauge):
                    text += PrometheusText.sample(name, labels, PrometheusText.number(gauge.value))
                case .histogram(let histogram):
                    text += PrometheusText.samples(name, labels, histogram)
                case .reading(let read):
                    text += PrometheusText.sample(name, labels, PrometheusText.number(read()))
                }
            }
        }
        return text
    }
}
