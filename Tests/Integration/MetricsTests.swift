import Basics
import Foundation
import Mercatoctl
import NativeServers
import Support
import Testing

/// What the services show of themselves, read as Prometheus and the dashboard read it.
extension WholeStackTests {
    /// The window that Grafana would choose for a short look at data scraped every second.
    private static let rateInterval = "30s"

    @Test func `every query of the dashboard has data from a Prometheus that scraped the stack`()
        async throws
    {
        try await withShop { stack, shop in
            let prometheus = try await ScratchPrometheus.start(
                try stack.prometheusConfiguration(),
                files: ["rules.yml": try RepositoryFiles.text("deploy/prometheus/rules.yml")])
            do {
                try await Self.askEverything(of: prometheus, while: shop)
            } catch {
                try await prometheus.stop()
                throw error
            }
            try await prometheus.stop()
        }
    }

    private static func askEverything(of prometheus: ScratchPrometheus, while shop: ShopClient)
        async throws
    {
        try await eventually("all six services are scraped", within: .seconds(30)) {
            try await prometheus.query("up == 1").count == 6
        }
        let queries = try Dashboard.load().queries(rateInterval: rateInterval)
        #expect(queries.count > 30)
        let started = ContinuousClock.now
        let missing = ResultBox<[String]>()
        do {
            // A rate needs something that happens between two scrapes: orders until all have data.
            try await eventually("data for every query", within: .seconds(60), every: .seconds(1)) {
                try await placeOneOfEach(shop)
                missing.value = try await queriesWithoutData(queries, prometheus)
                return missing.value?.isEmpty == true
            }
        } catch is NeverHappened {
            Issue.record("no data: \(missing.value ?? [])")
        }
        let seconds = started.duration(to: .now) / .seconds(1)
        print("dashboard: \(queries.count) queries have data after \(seconds) s")
    }

    /// One confirmed, one declined and one without stock, each to its end.
    private static func placeOneOfEach(_ shop: ShopClient) async throws {
        let kinds = [
            ("PLANT-FERN", "tok_ok", "CONFIRMED"), ("PLANT-FERN", "tok_declined", "CANCELLED"),
            ("SOLD-OUT-POSTER", "tok_ok", "CANCELLED"),
        ]
        _ = try await concurrently(kinds, width: 3) { sku, card, end in
            let order = try await shop.place(sku, card: card)
            try await shop.reaches(end, order, within: .seconds(20))
        }
    }

    private static func queriesWithoutData(
        _ queries: [(panel: String, expression: String)], _ prometheus: ScratchPrometheus
    ) async throws -> [String] {
        var missing: [String] = []
        for query in queries {
            let samples = try await prometheus.query(query.expression)
            if !samples.contains(where: { !$0.value.isNaN }) {
                missing.append("\(query.panel): \(query.expression)")
            }
        }
        return missing
    }

    @Test func `docs/metrics.md lists exactly the metrics that the running services show`()
        async throws
    {
        try await withShop { stack, shop in
            try await Self.placeOneOfEach(shop)
            var shown: [String: MetricsPage.Family] = [:]
            for (name, port) in stack.metricsPorts {
                let text = try await stack.metricsPage(port)
                try Self.expectAcceptable(text, name)
                for (metric, family) in try MetricsPage(text).families {
                    let known = shown[metric]
                    #expect(known == nil || known?.type == family.type, "\(metric) has two types")
                    shown[metric] = MetricsPage.Family(
                        type: family.type, labels: (known?.labels ?? []).union(family.labels))
                }
            }
            let documented = try DocumentedMetric.all()
            #expect(Set(documented.map(\.name)).count == documented.count, "one row each")
            let always = Set(documented.filter { !$0.isOptional }.map(\.name))
            let shownNames = Set(shown.keys)
            #expect(always.subtracting(shownNames).isEmpty, "in docs/metrics.md, but not shown")
            #expect(
                shownNames.subtracting(documented.map(\.name)).isEmpty,
                "shown, but not in docs/metrics.md")
            for metric in documented {
                guard let family = shown[metric.name] else { continue }
                #expect(metric.type == family.type, "\(metric.name)")
                for labels in family.labels where labels != ["overflow"] {
                    #expect(Set(labels) == metric.labels, "\(metric.name)")
                }
            }
        }
    }

    private static func expectAcceptable(_ page: String, _ service: String) throws {
        let promtool = try #require(Command.find("promtool"), "apt-get install prometheus")
        let outcome = try Command.run(promtool, ["check", "metrics"], input: page)
        #expect(outcome.status == 0, "\(service): \(outcome.output)\(outcome.errors)")
    }
}

extension WholeStack {
    /// Each service with the port that has its `/metrics`.
    var metricsPorts: [(name: String, port: Int)] {
        [("gateway", settings.ports.admin)]
            + StackPorts.Service.allCases.map { ($0.program, settings.ports.operations($0)) }
    }

    /// One page, as Prometheus would get it.
    func metricsPage(_ port: Int) async throws -> String {
        let answer = try await TestLoop.run { loop in
            try await ShopClient("http://127.0.0.1:\(port)", loop: loop).call("GET", "/metrics")
        }
        guard answer.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true else {
            throw StackFailure("/metrics is \(answer.headers)")
        }
        return answer.text
    }

    /// deploy/prometheus/native.yml with this stack's ports, and a look every second.
    func prometheusConfiguration() throws -> String {
        var text = try RepositoryFiles.text("deploy/prometheus/native.yml")
        for (key, port) in StackPorts.defaults {
            text = text.replacing("127.0.0.1:\(port)\"", with: "127.0.0.1:\(settings.ports[key])\"")
        }
        return text.replacing("scrape_interval: 5s", with: "scrape_interval: 1s")
            .replacing("scrape_timeout: 4s", with: "scrape_timeout: 1s")
            .replacing("evaluation_interval: 15s", with: "evaluation_interval: 1s")
    }
}

/// A row of the table in docs/metrics.md: name, type, labels, meaning, what is bad.
struct DocumentedMetric {
    let name: String
    let type: String
    let labels: Set<String>
    /// Shown only by a stack that exports its traces or speaks TLS, or after what it counts happened.
    let isOptional: Bool

    static func all() throws -> [DocumentedMetric] {
        try RepositoryFiles.text("docs/metrics.md").split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard cells.count == 7, ["counter", "gauge", "histogram"].contains(cells[2]) else {
                return nil
            }
            return DocumentedMetric(
                name: words(cells[1]).first ?? "", type: cells[2], labels: Set(words(cells[3])),
                isOptional: ["with tracing on: ", "with TLS on: ", "once it happened: "].contains {
                    cells[4].hasPrefix($0)
                })
        }
    }

    /// What stands between backticks.
    private static func words(_ cell: String) -> [String] {
        cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
}
