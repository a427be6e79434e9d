import Basics
import Sockets
import Synchronization

/// Tells streams of one order that its timeline grew in this process, and counts the streams.
final class TimelineSignals: Sendable {
    private struct State {
        var waiting: [OrderID: [ObjectIdentifier: AsyncSignal]] = [:]
        var perCustomer: [CustomerID: Int] = [:]
        var total = 0
    }

    private let state = Mutex(State())

    /// Called after each commit that added to the order's timeline.
    func changed(_ orderID: OrderID) {
        let signals = state.withLock { $0.waiting[orderID].map { Array($0.values) } ?? [] }
        for signal in signals { signal.raise() }
    }

    /// A signal that is raised from now on; give it back with `leave`.
    func join(_ orderID: OrderID, for customer: CustomerID) -> AsyncSignal {
        let signal = AsyncSignal()
        state.withLock { state in
            state.waiting[orderID, default: [:]][ObjectIdentifier(signal)] = signal
            state.perCustomer[customer, default: 0] += 1
            state.total += 1
        }
        return signal
    }

    func leave(_ orderID: OrderID, for customer: CustomerID, _ signal: AsyncSignal) {
        state.withLock { state in
            guard state.waiting[orderID]?.removeValue(forKey: ObjectIdentifier(signal)) != nil
            else { return }
            if state.waiting[orderID]?.isEmpty == true { state.waiting[orderID] = nil }
            let left = state.perCustomer[customer, default: 1] - 1
            state.perCustomer[customer] = left > 0 ? left : nil
            state.total -= 1
        }
    }

    /// Open streams.
    var count: Int { state.withLock { $0.total } }

    func count(of customer: CustomerID) -> Int {
        state.withLock { $0.perCustomer[customer] ?? 0 }
    }
}
