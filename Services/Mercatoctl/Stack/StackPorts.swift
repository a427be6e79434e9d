/// The ports of the stack, each with the environment key that changes it.
package struct StackPorts: Sendable, Equatable {
    /// Services that have an API port and an operations port, by their key.
    package enum Service: String, CaseIterable, Sendable {
        case cart = "CART"
        case order = "ORDER"
        case inventory = "INVENTORY"
        case payment = "PAYMENT"
        case provider = "PROVIDER"

        /// The program's and the process's name.
        package var program: String {
            self == .provider ? "payment-provider" : rawValue.lowercased()
        }

        fileprivate var port: Int {
            switch self {
            case .cart: 8101
            case .order: 8102
            case .inventory: 8103
            case .payment: 8104
            case .provider: 8105
            }
        }
    }

    /// Services with a database of their own.
    package static let withDatabase: [Service] = [.cart, .order, .inventory, .payment]

    private let values: [String: Int]

    /// Defaults of architecture.md §5, in the order in which people look for them.
    package static let defaults: [(key: String, port: Int)] =
        [("MERCATO_PORT_GATEWAY", 8080), ("MERCATO_PORT_ADMIN", 8081)]
        + Service.allCases.map { ("MERCATO_PORT_\($0.rawValue)", $0.port) }
        + Service.allCases.map { ("MERCATO_PORT_\($0.rawValue)_OPS", $0.port + 100) }
        + [("MERCATO_PORT_DEVBROKER_OPS", 8207), ("MERCATO_PORT_BROKER", 19092)]
        + [("MERCATO_PORT_BROKER_CONTROLLER", 19093)]
        + withDatabase.enumerated().map { ("MERCATO_PORT_POSTGRES_\($1.rawValue)", 15431 + $0) }
        + [("MERCATO_PORT_REDIS", 63790)] + tracing

    /// Used only when a Jaeger is started.
    package static let tracing = [("MERCATO_PORT_JAEGER", 16_686), ("MERCATO_PORT_OTLP", 4_318)]

    package init(_ environment: [String: String]) throws(CommandFailure) {
        var values: [String: Int] = [:]
        var owners: [Int: String] = [:]
        for (key, standard) in Self.defaults {
            let text = environment[key] ?? ""
            guard let port = text.isEmpty ? standard : Int(text), (1...65_535).contains(port) else {
                throw CommandFailure(.usage, "\(key) is a port from 1 to 65535, not \"\(text)\"")
            }
            if let other = owners[port] {
                throw CommandFailure(.usage, "\(key) and \(other) are both \(port)")
            }
            owners[port] = key
            values[key] = port
        }
        self.values = values
    }

    package subscript(key: String) -> Int { values[key] ?? 0 }

    package var gateway: Int { self["MERCATO_PORT_GATEWAY"] }
    package var admin: Int { self["MERCATO_PORT_ADMIN"] }
    package var broker: Int { self["MERCATO_PORT_BROKER"] }
    package var jaeger: Int { self["MERCATO_PORT_JAEGER"] }
    package var otlp: Int { self["MERCATO_PORT_OTLP"] }
    package var redis: Int { self["MERCATO_PORT_REDIS"] }
    package func api(_ service: Service) -> Int { self["MERCATO_PORT_\(service.rawValue)"] }
    package func operations(_ service: Service) -> Int {
        self["MERCATO_PORT_\(service.rawValue)_OPS"]
    }
    package func postgres(_ service: Service) -> Int {
        self["MERCATO_PORT_POSTGRES_\(service.rawValue)"]
    }

    /// Every port under its key, as the services read them.
    package var environment: [String: String] { values.mapValues(String.init) }
}
