import Basics
import Sockets
import Synchronization

/// Who follows which order's timeline in this process: tells streams that it grew, and bounds them.
///
/// A limit is judged and a place taken under one lock, so that requests at the same time never
/// together exceed it.
final class TimelineSignals: Sendable {
    /// Which limit leaves no place.
    enum Full: Error, Equatable {
        case process
        case customer
    }

    private struct State {
        var following: [OrderID: [ObjectIdentifier: TimelineFollower]] = [:]
        var perCustomer: [CustomerID: Int] = [:]
        var total = 0
    }

    private let state = Mutex(State())
    private let limits: StreamLimits
    /// Raised when the first place is taken: the poller rests while nobody follows anything.
    let firstJoined = AsyncSignal()

    init(limits: StreamLimits) {
        self.limits = limits
    }

    /// Called after each commit that added to the order's timeline.
    func changed(_ orderID: OrderID) {
        for follower in followers(of: orderID) { follower.raise() }
    }

    /// Takes a place for a stream that goes on after `seq`, or throws which limit is reached.
    func join(_ orderID: OrderID, for customer: CustomerID, after seq: Int64) throws(Full)
        -> TimelinePlace
    {
        let follower = TimelineFollower(after: seq)
        let (refusal, isFirst) = state.withLock { state -> (Full?, Bool) in
            guard state.total < limits.total else { return (.process, false) }
            guard state.perCustomer[customer, default: 0] < limits.perCustomer else {
                return (.customer, false)
            }
            state.following[orderID, default: [:]][ObjectIdentifier(follower)] = follower
            state.perCustomer[customer, default: 0] += 1
            state.total += 1
            return (nil, state.total == 1)
        }
        if let refusal { throw refusal }
        if isFirst { firstJoined.raise() }
        return TimelinePlace(follower) { [self] in leave(orderID, for: customer, follower) }
    }

    private func leave(
        _ orderID: OrderID, for customer: CustomerID, _ follower: TimelineFollower
    ) {
        state.withLock { state in
            let key = ObjectIdentifier(follower)
            guard state.following[orderID]?.removeValue(forKey: key) != nil else { return }
            if state.following[orderID]?.isEmpty == true { state.following[orderID] = nil }
            let left = state.perCustomer[customer, default: 1] - 1
            state.perCustomer[customer] = left > 0 ? left : nil
            state.total -= 1
        }
    }

    /// Places taken.
    var count: Int { state.withLock { $0.total } }

    /// The orders that are followed now.
    var followed: [OrderID] { state.withLock { Array($0.following.keys) } }

    /// Tells the streams that have not yet sent the entry `newest`.
    func reached(_ newest: Int64, of orderID: OrderID) {
        for follower in followers(of: orderID) where follower.sent < newest { follower.raise() }
    }

    private func followers(of orderID: OrderID) -> [TimelineFollower] {
        state.withLock { $0.following[orderID].map { Array($0.values) } ?? [] }
    }
}

/// What is known of one stream: how far it is, and whether there is something to read.
final class TimelineFollower: Sendable {
    private let position: Atomic<Int64>
    // A wake-up may also be the heartbeat's; only this says that the table is worth a look. At the
    // start it is: nobody knows what was there before.
    private let isBehind = Atomic<Bool>(true)
    private let signal = AsyncSignal()

    init(after seq: Int64) {
        position = Atomic(seq)
    }

    /// The seq of the newest entry that was sent.
    var sent: Int64 { position.load(ordering: .acquiring) }

    func noteSent(_ seq: Int64) { position.store(seq, ordering: .releasing) }

    func raise() {
        isBehind.store(true, ordering: .sequentiallyConsistent)
        signal.raise()
    }

    /// True once for all raises since the last call.
    func takeBehind() -> Bool { isBehind.exchange(false, ordering: .sequentiallyConsistent) }

    /// Returns when raised, and after `limit` at the latest.
    func wait(atMost limit: Duration, on loop: EventLoop) async throws {
        // Ignored: what ended the wait; `takeBehind` knows more.
        _ = try await signal.wait(atMost: limit, on: loop)
    }
}

/// One stream's place. It is given back by `leave`, or when the last holder lets go of it: a
/// response whose stream never ran is simply dropped.
final class TimelinePlace: Sendable {
    let follower: TimelineFollower
    private let giveBack: @Sendable () -> Void

    init(_ follower: TimelineFollower, giveBack: @escaping @Sendable () -> Void) {
        self.follower = follower
        self.giveBack = giveBack
    }

    /// Calling it again changes nothing.
    func leave() { giveBack() }

    deinit { giveBack() }
}
