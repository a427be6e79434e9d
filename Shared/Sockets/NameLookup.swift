import Basics
import CLinux
import Synchronization

/// Names to addresses, without making a loop wait for a name server.
///
/// `getaddrinfo` blocks, so it runs on threads beside the loops. Equal lookups share one answer, so
/// a name that nobody answers for occupies one thread, however many ask. Failures are not kept:
/// a name that appears is found by the next lookup.
package final class NameLookup: Sendable {
    /// What lookups may cost, and how long their answers hold.
    package struct Limits: Sendable {
        /// Threads that ask at once; further names wait for one of them.
        package var threadsMax = 4
        /// Callers that wait, over all names; one more gets `.limitReached`.
        package var waitersMax = 10_000
        /// How long an answer is used again. `getaddrinfo` does not tell the records' own time;
        /// this is short enough to follow a service that moves, and long enough for a burst.
        package var lifetime: Duration = .seconds(5)
        /// Names kept at once.
        package var namesMax = 256
        /// Addresses of one name that are used, in the resolver's order (RFC 6724).
        package var addressesMax = 8

        package init() {}
    }

    /// The one of the process.
    package static let shared = NameLookup()

    private typealias Key = NameCache.Key
    private typealias Answer = Result<[SocketAddress], any Error>

    private struct State {
        var cache: NameCache
        /// Who waits for which name. A name is here while it is queued or being looked up.
        var waiters: [Key: [OneShot<[SocketAddress]>]] = [:]
        var waiting = 0
        var queue: [Key] = []
        var threads = 0
    }

    private let limits: Limits
    private let resolve: @Sendable (_ host: String, _ port: Int) throws -> [SocketAddress]
    private let state: Mutex<State>

    /// `resolve` may block; the default asks the system's resolver.
    package init(
        limits: Limits = Limits(),
        resolve: (@Sendable (_ host: String, _ port: Int) throws -> [SocketAddress])? = nil
    ) {
        self.limits = limits
        let addressesMax = limits.addressesMax
        self.resolve = resolve ?? { try Self.ask($0, $1, addressesMax) }
        state = Mutex(State(cache: NameCache(limits: limits)))
    }

    /// The addresses of a numeric host, or of a name that was looked up a moment ago.
    package func known(_ host: String, port: Int) -> [SocketAddress]? {
        // Ignored: text that is not a numeric address is a name.
        if let numeric = try? SocketAddress(numeric: host, port: port) { return [numeric] }
        return state.withLock {
            $0.cache.addresses(of: Key(host: host, port: port), at: MonotonicInstant.now)
        }
    }

    /// All addresses of a host, in the resolver's order.
    ///
    /// Throws `SocketError` with `.nameNotFound`, or `.limitReached` when too many wait. A lookup
    /// under way cannot be cancelled; a cancelled caller stops waiting for it.
    package func addresses(of host: String, port: Int) async throws -> [SocketAddress] {
        if let known = known(host, port: port) { return known }
        let key = Key(host: host, port: port)
        let cell = OneShot<[SocketAddress]>()
        let startsThread = try state.withLock { state -> Bool in
            guard state.waiting < limits.waitersMax else {
                throw SocketError(.limitReached, "look up \(host)")
            }
            state.waiting += 1
            state.waiters[key, default: []].append(cell)
            guard state.waiters[key]?.count == 1 else { return false }
            state.queue.append(key)
            guard state.threads < limits.threadsMax else { return false }
            state.threads += 1
            return true
        }
        if startsThread { startThreads() }
        return try await cell.value()
    }

    /// Nothing at these addresses answered: the next connection asks again where the name is.
    package func forget(_ host: String, port: Int) {
        state.withLock { $0.cache.forget(Key(host: host, port: port)) }
    }

    /// Callers that wait now.
    var waitingCount: Int { state.withLock { $0.waiting } }

    // MARK: Threads

    private func startThreads() {
        do throws(SocketError) {
            try startThread("lookup") { self.work() }
        } catch {
            // No thread: whoever waits would wait for ever. A running one takes the rest.
            while let key = nextKey(orLeaveWhen: { $0.threads > 1 }) {
                settle(key, .failure(error))
            }
        }
    }

    /// One thread's life: names until none is queued.
    private func work() {
        while let key = nextKey(orLeaveWhen: { _ in false }) {
            settle(key, Result { try resolve(key.host, key.port) })
        }
    }

    private func nextKey(orLeaveWhen isEnough: (State) -> Bool) -> Key? {
        state.withLock { state in
            guard !state.queue.isEmpty, !isEnough(state) else {
                state.threads -= 1
                return nil
            }
            return state.queue.removeFirst()
        }
    }

    private func settle(_ key: Key, _ answer: Answer) {
        let cells = state.withLock { state in
            if case .success(let addresses) = answer {
                state.cache.keep(addresses, of: key, at: MonotonicInstant.now)
            }
            let cells = state.waiters.removeValue(forKey: key) ?? []
            state.waiting -= cells.count
            return cells
        }
        for cell in cells { cell.settle(answer) }
    }

    private static func ask(_ host: String, _ port: Int, _ addressesMax: Int) throws
        -> [SocketAddress]
    {
        guard let port = UInt16(exactly: port) else {
            throw SocketError(.addressUnavailable, "port \(port)")
        }
        var found = [clinux_address](repeating: clinux_address(), count: max(1, addressesMax))
        let count = unsafe clinux_resolve(host, port, &found, CInt(found.count))
        guard count > 0 else { throw SocketError(result: count, "look up \(host)") }
        return found.prefix(Int(count)).map { SocketAddress(raw: $0) }
    }
}
