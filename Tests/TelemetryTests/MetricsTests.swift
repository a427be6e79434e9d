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
