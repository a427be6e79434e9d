import NativeServers
import Testing

@testable import Telemetry

@Suite struct MetricsRegistryTests {
    @Test func `one name and set of labels is one instrument`() {
        let registry = MetricsRegistry()
        registry.counter("a_total", help: "h", labels: ["x": "1", "y": "2"]).increment()
        registry.counter("a_total", help: "h", labels: ["y": "2", "x": "1"]).increment(by: 2)
        #expect(registry.render().contains("a_total{x=\"1\",y=\"2\"} 3\n"))
    }

    @Test func `the page has help, type and escaped labels`() {
        let registry = MetricsRegistry()
        registry.gauge("g", help: "two\nlines", labels: ["p": "a\"b\\c\nd"]).set(1.5)
        #expect(
            registry.render()
                == "# HELP g two\\nlines\n# TYPE g gauge\ng{p=\"a\\\"b\\\\c\\nd\"} 1.5\n")
    }

    @Test func `histogram buckets are cumulative and end in infinity`() {
        let registry = MetricsRegistry()
        let histogram = registry.histogram("h_seconds", help: "h", buckets: [0.1, 1])
        for value in [0.05, 0.1, 0.5, 7] { histogram.observe(value) }
        let page = registry.render()
        #expect(page.contains("h_seconds_bucket{le=\"0.1\"} 2\n"))
        #expect(page.contains("h_seconds_bucket{le=\"1\"} 3\n"))
        #expect(page.contains("h_seconds_bucket{le=\"+Inf\"} 4\n"))
        #expect(page.contains("h_seconds_count 4\n"))
        #expect(page.contains("h_seconds_sum 7.65\n"))
    }

    @Test func `too many label sets share one series`() {
        let registry = MetricsRegistry()
        for number in 0..<(MetricsRegistry.seriesMax + 5) {
            registry.counter("c_total", help: "h", labels: ["n": "\(number)"]).increment()
        }
        #expect(registry.render().contains("c_total{overflow=\"true\"} 5\n"))
    }

    @Test func `collectors run before each rendering`() {
        let registry = MetricsRegistry()
        let gauge = registry.gauge("g", help: "h")
        registry.beforeRender { gauge.add(1) }
        _ = registry.render()
        #expect(registry.render().contains("g 2\n"))
    }

    @Test func `a family makes its keys at once and finds them again`() {
        let registry = MetricsRegistry()
        let family = CounterFamily(registry, "f_total", help: "h", from: [1, 2]) { ["n": "\($0)"] }
        family[2].increment()
        family[3].increment(by: 5)
        let page = registry.render()
        #expect(page.contains("f_total{n=\"1\"} 0\nf_total{n=\"2\"} 1\nf_total{n=\"3\"} 5\n"))
        #expect(family[3] === family[3])
        let spans = HistogramFamily(
            registry, "s_seconds", help: "h", buckets: [1], from: ["a"]
        ) { ["k": $0] }
        spans["b"].observe(0.5)
        #expect(registry.render().contains("s_seconds_count{k=\"a\"} 0\n"))
        #expect(registry.render().contains("s_seconds_bucket{k=\"b\",le=\"1\"} 1\n"))
    }

    @Test func `a counter without series is announced all the same`() {
        let registry = MetricsRegistry()
        _ = CounterFamily<String>(registry, "e_total", help: "h") { ["k": $0] }
        #expect(registry.render() == "# HELP e_total h\n# TYPE e_total counter\n")
    }

    @Test func `a counter kept elsewhere is read at each rendering`() {
        let registry = MetricsRegistry()
        let kept = Gauge()
        registry.counter("cpu_seconds_total", help: "h", reading: { kept.value })
        kept.set(1.25)
        #expect(registry.render().hasSuffix("# TYPE cpu_seconds_total counter\ncpu_seconds_total 1.25\n"))
    }

    @Test func `promtool accepts every kind of instrument and every escape`() throws {
        let registry = MetricsRegistry()
        registry.gauge("g", help: "two\nlines and a \\", labels: ["p": "a\"b\\c\nd"]).set(-1.5e-7)
        registry.counter("c_total", help: "h").increment()
        registry.counter("cpu_seconds_total", help: "h", reading: { 1e300 })
        registry.histogram("h_seconds", help: "h", labels: ["a": "b"]).observe(0.2)
        registry.histogram("e_seconds", help: "nothing was observed", labels: ["a": "b"]).observe(.nan)
        registry.gauge("odd", help: "h", labels: ["v": "inf"]).set(.infinity)
        registry.gauge("odd", help: "h", labels: ["v": "nan"]).set(.nan)
        let promtool = try #require(Command.find("promtool"), "apt-get install prometheus")
        let outcome = try Command.run(promtool, ["check", "metrics"], input: registry.render())
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test func `a counter never falls`() {
        let counter = Counter()
        counter.increment(by: 5)
        counter.increment(by: -3)
        #expect(counter.value == 5)
    }
}

@Suite struct HistogramTests {
    @Test func `a quantile is interpolated inside its bucket`() throws {
        let histogram = Histogram(buckets: [1, 2, 4])
        for _ in 0..<100 { histogram.observe(1.5) }
        let median = try #require(histogram.quantile(0.5))
        #expect(abs(median - 1.5) < 0.01)
        #expect(Histogram().quantile(0.5) == nil)
    }
}
