package import Foundation

/// Files of the repository, found from this one.
package enum RepositoryFiles {
    package static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    package static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}

/// The overview dashboard as far as tests look at it.
package struct Dashboard: Decodable, Sendable {
    package struct Panel: Decodable, Sendable {
        package struct Place: Decodable, Sendable {
            package let h: Int
            package let w: Int
            package let x: Int
            package let y: Int
        }
        package struct Source: Decodable, Sendable {
            package let type: String
            package let uid: String
        }
        package struct Target: Decodable, Sendable {
            package let refId: String
            package let expr: String
            package let datasource: Source
        }
        package struct Fields: Decodable, Sendable {
            package struct Defaults: Decodable, Sendable {
                package struct Thresholds: Decodable, Sendable {
                    package struct Step: Decodable, Sendable {
                        package let color: String
                        package let value: Double?
                    }
                    package let steps: [Step]
                }
                package let unit: String?
                package let thresholds: Thresholds?
            }
            package let defaults: Defaults
        }

        package let id: Int
        package let type: String
        package let title: String
        package let description: String?
        package let gridPos: Place
        package let datasource: Source?
        package let targets: [Target]?
        package let fieldConfig: Fields?
    }
    package struct Variables: Decodable, Sendable {
        package struct Variable: Decodable, Sendable {
            package let name: String
            package let type: String
            package let definition: String?
        }
        package let list: [Variable]
    }

    package let uid: String
    package let title: String
    package let templating: Variables
    package let panels: [Panel]

    package static let path = "deploy/grafana/dashboards/mercato-overview.json"

    package static func load() throws -> Dashboard {
        try JSONDecoder().decode(Dashboard.self, from: Data(RepositoryFiles.text(path).utf8))
    }

    /// Every query with its panel's title; Grafana's variables replaced as Grafana would, with all
    /// services chosen.
    package func queries(rateInterval: String) -> [(panel: String, expression: String)] {
        panels.flatMap { panel in
            (panel.targets ?? []).map { target in
                (
                    panel.title,
                    target.expr.replacing("$__rate_interval", with: rateInterval)
                        .replacing("$service", with: ".*")
                )
            }
        }
    }
}
