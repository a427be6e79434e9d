package import Basics

/// A way of running Mercato that a command can be pointed at.
package enum PlaceKind: String, Sendable, CaseIterable {
    /// Processes on this machine, started by `mercatoctl up`.
    case native
    /// The project of docker-compose.yml.
    case compose
    /// A release of the chart in helm/mercato.
    case kubernetes

    /// What to do when nobody answers there.
    var advice: String {
        switch self {
        case .native: "does it run? mercatoctl status; start it: mercatoctl up"
        case .compose: "does it run? docker compose ps; start it: make up"
        case .kubernetes: "does it run? kubectl get pods; its reasons: kubectl describe pod"
        }
    }
}

/// A running Mercato: where its doors are while a command works with it.
package struct Place: Sendable {
    package let kind: PlaceKind
    /// The public API; no slash at the end.
    package let gatewayURL: String
    /// The gateway's admin port, the only door for operators.
    package let adminURL: String
    /// Jaeger's query API; nil where none is known.
    package let jaegerURL: String?
    /// What the admin port asks for off loopback.
    package let adminToken: Secret<String>?

    package init(
        kind: PlaceKind, gatewayURL: String, adminURL: String, jaegerURL: String? = nil,
        adminToken: Secret<String>? = nil
    ) {
        self.kind = kind
        self.gatewayURL = gatewayURL
        self.adminURL = adminURL
        self.jaegerURL = jaegerURL
        self.adminToken = adminToken
    }

    package func admin(_ calls: any HTTPCalls) -> AdminAPI {
        AdminAPI(url: adminURL, calls: calls, token: adminToken)
    }
}

/// Which doors a command opens: only those are looked up and, on Kubernetes, forwarded.
package struct PlaceNeeds: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let gateway = PlaceNeeds(rawValue: 1)
    package static let admin = PlaceNeeds(rawValue: 2)
    package static let jaeger = PlaceNeeds(rawValue: 4)
    /// Jaeger only where there is one.
    package static let all: PlaceNeeds = [.gateway, .admin, .jaeger]
}
