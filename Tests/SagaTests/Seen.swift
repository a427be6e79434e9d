import Basics
import Synchronization

/// Collects ids from any task.
final class Seen: Sendable {
    private let orders = Mutex<[OrderID]>([])
    func add(_ order: OrderID) { orders.withLock { $0.append(order) } }
    var sorted: [OrderID] { orders.withLock { $0.sorted() } }
}
