import Foundation
import Mercatoctl
import NativeServers
import Support
import Testing

/// The files under deploy/prometheus and deploy/grafana, as far as they can be judged at rest; that
/// the queries have data is shown with a running stack.
@Suite struct ObservabilityFilesTests {
    private func promtool(_ arguments: String...) throws -> Command.Outcome {
        let program = try #require(Command.find("promtool"), "apt-get install prometheus")
        return try Command.run(program, arguments, limit: .seconds(30))
    }

    private func path(_ file: String) -> String { RepositoryFiles.root.appending(path: file).path }

    @Test(arguments: ["prometheus.yml", "native.yml"])
    func `promtool accepts the configuration and its rules`(file: String) throws {
        let outcome = try promtool("check", "config", path("deploy/prometheus/\(file)"))
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("rule files found"))
    }

    @Test func `each alert fires in its fault and is silent without`() throws {
        let outcome = try promtool("test", "rules", path("deploy/prometheus/rules.test.yml"))
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        let (rules, tests) = (
            try RepositoryFiles.text("deploy/prometheus/rules.yml"),
            try RepositoryFiles.text("deploy/prometheus/rules.test.yml")
        )
        for line in rules.split(separator: "\n") where line.contains("- alert: ") {
            let name = line.split(separator: " ").last ?? ""
            // Once in the test where nothing fires, once where it does.
            #expect(tests.split(separator: "alertname: \(name)").count == 3, "\(name)")
        }
    }

    @Test func `both configurations scrape the same services on the stack's default ports`() throws {
        func targets(_ file: String) throws -> [(job: String, host: String, port: Int)] {
            var job = ""
            var found: [(String, String, Int)] = []
            for line in try RepositoryFiles.text("deploy/prometheus/\(file)").split(separator: "\n") {
                if line.contains("job_name: ") { job = String(line.split(separator: " ").last ?? "") }
                let quoted = line.split(separator: "\"")
                guard line.contains("targets: "), quoted.count == 3 else { continue }
                let parts = quoted[1].split(separator: ":")
                found.append((job, String(parts[0]), Int(parts[1]) ?? 0))
            }
            return found
        }
        let (compose, native) = (try targets("prometheus.yml"), try targets("native.yml"))
        let ports = try StackPorts([:])
        var expected = ["gateway": ports.admin]
        for service in StackPorts.Service.allCases {
            expected[service.program] = ports.operations(service)
        }
        for list in [compose, native] {
            #expect(Dictionary(list.map { ($0.job, $0.port) }, uniquingKeysWith: max) == expected)
            #expect(list.count == expected.count)
        }
        #expect(compose.allSatisfy { $0.job == $0.host })
        #expect(native.allSatisfy { $0.host == "127.0.0.1" })
    }

    // MARK: The dashboard

    @Test func `every panel says what it shows, in which unit, and from which source`() throws {
        let dashboard = try Dashboard.load()
        #expect(dashboard.templating.list.map(\.name) == ["datasource", "service"])
        #expect(Set(dashboard.panels.map(\.id)).count == dashboard.panels.count)
        let titles = dashboard.panels.map(\.title)
        #expect(Set(titles).count == titles.count)
        for panel in dashboard.panels where panel.type != "row" {
            #expect(["timeseries", "stat"].contains(panel.type), "\(panel.title)")
            #expect(!panel.title.isEmpty)
            #expect((panel.description ?? "").count > 30, "\(panel.title)")
            #expect(panel.datasource?.uid == "${datasource}", "\(panel.title)")
            #expect(panel.fieldConfig?.defaults.unit?.isEmpty == false, "\(panel.title)")
            let targets = try #require(panel.targets)
            #expect(!targets.isEmpty && Set(targets.map(\.refId)).count == targets.count)
            #expect(targets.allSatisfy { $0.datasource.uid == "${datasource}" }, "\(panel.title)")
            let steps = try #require(panel.fieldConfig?.defaults.thresholds?.steps)
            #expect(steps.first?.value == nil && steps.dropFirst().allSatisfy { $0.value != nil })
            let values = steps.compactMap(\.value)
            #expect(values == values.sorted(), "\(panel.title)")
        }
    }

    @Test func `panels fill the grid without lying on one another`() throws {
        var taken: [[Int]: String] = [:]
        for panel in try Dashboard.load().panels {
            let place = panel.gridPos
            #expect(place.x >= 0 && place.x + place.w <= 24 && place.h > 0, "\(panel.title)")
            for x in place.x..<(place.x + place.w) {
                for y in place.y..<(place.y + place.h) {
                    let other = taken.updateValue(panel.title, forKey: [x, y])
                    #expect(other == nil, "\(panel.title) lies on \(other ?? "")")
                }
            }
        }
        let rows = (taken.keys.map { $0[1] }.max() ?? 0) + 1
        #expect(taken.count == rows * 24, "there is a hole in the grid")
    }

    @Test func `Grafana finds the dashboard and its source where Compose puts them`() throws {
        let source = try RepositoryFiles.text(
            "deploy/grafana/provisioning/datasources/prometheus.yml")
        #expect(source.contains("url: http://prometheus:9090"))
        let provider = try RepositoryFiles.text(
            "deploy/grafana/provisioning/dashboards/mercato.yml")
        #expect(provider.contains("path: /var/lib/grafana/dashboards"))
    }
}
