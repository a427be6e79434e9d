import Basics

/// The pool's rules, without a connection, a clock or a queue: an event comes in, actions go out,
/// and the driver performs them in order.
struct PoolStateMachine: Sendable {
    typealias Instant = MonotonicInstant
    typealias ConnectionID = UInt64
    typealias WaiterID = UInt64

    struct Limits: Sendable {
        var sizeMax: Int
        /// Connections kept open while the pool is maintained.
        var minimum: Int
        var waitersMax: Int
        var lifetime: Duration
        var idleTime: Duration
    }

    enum Action: Equatable {
        case connect(ConnectionID, after: Duration)
        case lease(ConnectionID, to: WaiterID)
        case refuse(WaiterID, Refusal)
        case close(ConnectionID)
    }

    enum Refusal: Equatable { case timeout, overloaded, cancelled, closed }

    enum Slot: Equatable {
        /// Goes to `idle` or `leased` when connected, to `backingOff` when refused but needed.
        case connecting
        /// Goes to `connecting` when its delay is over.
        case backingOff
        /// Goes to `leased`; disappears when lost, too old or idle for too long.
        case idle(opened: Instant, since: Instant)
        /// Goes to `idle`, or disappears when it came back broken or too old.
        case leased(opened: Instant)
    }

    private let limits: Limits
    /// Delay before the next attempt after so many failures in a row, counted from 1.
    private let retryDelay: @Sendable (Int) -> Duration
    private(set) var slots: [ConnectionID: Slot] = [:]
    /// Last in, first out: the most recently used connection is the warmest.
    private var idle: [ConnectionID] = []
    private var waiters: [WaiterID] = []
    private var lastID: UInt64 = 0
    private var failures = 0
    private var isMaintained = false
    private var isClosed = false

    init(limits: Limits, retryDelay: @escaping @Sendable (Int) -> Duration) {
        self.limits = limits
        self.retryDelay = retryDelay
    }

    var waiting: Int { waiters.count }
    var leased: Int {
        slots.values.count { if case .leased = $0 { true } else { false } }
    }
    var unused: Int { idle.count }
    var isEmpty: Bool { slots.isEmpty }
    /// True when attempts to connect fail and no connection exists.
    var isUnreachable: Bool { failures > 0 && idle.isEmpty && leased == 0 }

    // MARK: Callers

    mutating func acquire(_ waiter: WaiterID, now: Instant) -> [Action] {
        guard !isClosed else { return [.refuse(waiter, .closed)] }
        if let id = idle.popLast(), case .idle(let opened, _)? = slots[id] {
            slots[id] = .leased(opened: opened)
            return [.lease(id, to: waiter)]
        }
        guard waiters.count < limits.waitersMax else { return [.refuse(waiter, .overloaded)] }
        waiters.append(waiter)
        return openAsNeeded()
    }

    /// The waiter's time is up, or its task was cancelled. Nothing when it was served already.
    mutating func giveUp(_ waiter: WaiterID, _ refusal: Refusal) -> [Action] {
        guard let place = waiters.firstIndex(of: waiter) else { return [] }
        waiters.remove(at: place)
        return [.refuse(waiter, refusal)]
    }

    /// `isReusable` is false for a connection that broke, or was left inside a transaction.
    mutating func released(_ id: ConnectionID, isReusable: Bool, now: Instant) -> [Action] {
        guard case .leased(let opened)? = slots[id] else { return [] }
        let isOld = opened.duration(to: now) >= limits.lifetime
        guard isReusable, !isOld, !isClosed else { return [remove(id)] + openAsNeeded() }
        return offer(id, opened: opened, now: now)
    }

    // MARK: Connections

    mutating func connected(_ id: ConnectionID, now: Instant) -> [Action] {
        failures = 0
        guard !isClosed, slots[id] == .connecting else { return [remove(id)] }
        return offer(id, opened: now, now: now) + openAsNeeded()
    }

    mutating func connectFailed(_ id: ConnectionID) -> [Action] {
        guard slots[id] == .connecting else { return [] }
        failures += 1
        slots[id] = nil
        guard !isClosed, isNeeded else { return [] }
        slots[id] = .backingOff
        return [.connect(id, after: retryDelay(failures))]
    }

    /// A delayed attempt begins. False when it is no longer wanted.
    mutating func attempts(_ id: ConnectionID) -> Bool {
        if slots[id] == .connecting { return true }
        guard slots[id] == .backingOff else { return false }
        guard isNeeded else {
            slots[id] = nil
            return false
        }
        slots[id] = .connecting
        return true
    }

    /// A connection ended by itself. One that is leased is dealt with when it comes back.
    mutating func lost(_ id: ConnectionID) -> [Action] {
        guard case .idle? = slots[id] else { return [] }
        return [remove(id)] + openAsNeeded()
    }

    // MARK: Upkeep

    /// From time to time: closes what is too old or has long been idle, opens up to the minimum.
    mutating func tick(now: Instant) -> [Action] {
        var actions: [Action] = []
        for id in idle {
            guard case .idle(let opened, let since)? = slots[id] else { continue }
            let isOld = opened.duration(to: now) >= limits.lifetime
            let isSpare =
                since.duration(to: now) >= limits.idleTime && slots.count > limits.minimum
            if isOld || isSpare { actions.append(remove(id)) }
        }
        return actions + openAsNeeded()
    }

    /// Whether the minimum is kept up. When that ends, idle connections are closed; the pool still
    /// serves, and opens again on demand.
    mutating func maintain(_ isMaintained: Bool) -> [Action] {
        self.isMaintained = isMaintained
        return isMaintained ? openAsNeeded() : idle.map { remove($0) }
    }

    /// Final: refuses everybody, closes what is idle; leased connections are closed on return.
    mutating func close() -> [Action] {
        guard !isClosed else { return [] }
        isClosed = true
        let refused = waiters.map { Action.refuse($0, .closed) }
        waiters = []
        for (id, slot) in slots where slot == .backingOff { slots[id] = nil }
        return refused + idle.map { remove($0) }
    }

    // MARK: Helpers

    private mutating func offer(_ id: ConnectionID, opened: Instant, now: Instant) -> [Action] {
        guard waiters.isEmpty else {
            slots[id] = .leased(opened: opened)
            return [.lease(id, to: waiters.removeFirst())]
        }
        slots[id] = .idle(opened: opened, since: now)
        idle.append(id)
        return []
    }

    private mutating func remove(_ id: ConnectionID) -> Action {
        slots[id] = nil
        idle.removeAll { $0 == id }
        return .close(id)
    }

    /// Attempts under way, and those that wait for their delay.
    private var opening: Int {
        slots.values.count { $0 == .connecting || $0 == .backingOff }
    }

    private var missing: Int {
        isMaintained ? max(0, limits.minimum - slots.count) : 0
    }

    private var isNeeded: Bool {
        !waiters.isEmpty || (isMaintained && slots.count <= limits.minimum)
    }

    private mutating func openAsNeeded() -> [Action] {
        guard !isClosed else { return [] }
        var actions: [Action] = []
        // While attempts fail, a single one probes: a server that comes back is not stormed.
        let openingMax = failures > 0 ? 1 : limits.sizeMax
        while opening < openingMax, slots.count < limits.sizeMax,
            opening < waiters.count || missing > 0
        {
            lastID += 1
            slots[lastID] = .connecting
            actions.append(.connect(lastID, after: .zero))
        }
        return actions
    }
}
