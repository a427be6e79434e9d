/// A part of Mercato that a fault can hit. The names are the same wherever it runs; each place knows
/// what they stand for there (a process, a container, pods).
package enum ChaosTarget: String, Sendable, CaseIterable {
    case gateway, cart, order, inventory, payment
    case paymentProvider = "payment-provider"
    case broker, redis
    case postgresCart = "postgres-cart"
    case postgresOrder = "postgres-order"
    case postgresInventory = "postgres-inventory"
    case postgresPayment = "postgres-payment"

    /// Whether it is a program of ours, with an operations port.
    package var isService: Bool { service != nil }

    /// The service's name in `/admin/status`; nil for infrastructure.
    package var service: String? {
        switch self {
        case .gateway, .cart, .order, .inventory, .payment, .paymentProvider: rawValue
        case .broker, .redis, .postgresCart, .postgresOrder, .postgresInventory, .postgresPayment:
            nil
        }
    }

    package var isDatabase: Bool { rawValue.hasPrefix("postgres-") }
}
