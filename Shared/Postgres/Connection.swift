import Basics
package import Sockets
import Synchronization
import Telemetry

/// One session with the server. Lives on the event loop; commands are served first come, first
/// served, each as one pipelined round trip.
///
/// A connection that fails in any way is closed, never repaired: whoever holds it gets a new one.
package actor Connection {
    /// Waits, in one place.
    struct Limits: Sendable {
        var connect: Duration = .seconds(5)
        /// Above the server's own `statement_timeout`: it only catches a peer that fell silent.
        var answer: Duration? = .seconds(10)
    }

    enum State {
        /// Goes to `idle`, or to `closed` when refused, too slow or cancelled.
        case connecting(CheckedContinuation<PostgresError?, Never>?)
        /// Goes to `busy` with a command, to `closed` when either side ends it.
        case idle
        /// Goes to `idle` with the complete answer, else to `closed`.
        case busy(Operation)
        /// Final.
        case closed(PostgresError)
    }

    /// A command under way and who waits for it.
    struct Operation {
        let number: UInt64
        var exchange: Exchange
        let continuation: CheckedContinuation<Exchange, Never>
    }

    /// The thread that everything here runs on.
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        // Safe: the loop lives at least as long as this actor, which retains it.
        unsafe loop.asUnownedSerialExecutor()
    }

    nonisolated let id: UInt64
    nonisolated let place: String
    nonisolated let limits: Limits
    nonisolated let isOpenFlag = Atomic<Bool>(true)
    nonisolated let onClosed: @Sendable (UInt64) -> Void
    let handle: ConnectionHandle
    var state: State = .connecting(nil)
    var watch: Watch?
    var interest: Interest = []
    var timer: TimerToken?
    var operations: UInt64 = 0
    var isTaken = false
    var turns: [CheckedContinuation<Void, Never>] = []
    var cache = StatementCache()
    var mustRetire = false

    init(
        id: UInt64, handle: ConnectionHandle, place: String, loop: EventLoop, limits: Limits,
        onClosed: @escaping @Sendable (UInt64) -> Void
    ) {
        self.id = id
        self.handle = handle
        self.place = place
        self.loop = loop
        self.limits = limits
        self.onClosed = onClosed
    }

    isolated deinit {
        // The watch goes first: once libpq has closed the descriptor its number may be reused.
        if let watch { loop.cancel(watch) }
        if let timer { loop.cancel(timer) }
        handle.finish()
        // A holder that forgot to close: its place is free again.
        if isOpen { onClosed(id) }
    }

    /// False once the connection has ended, whoever ended it.
    package nonisolated var isOpen: Bool { isOpenFlag.load(ordering: .acquiring) }

    /// Ends the session now; a command under way fails. Closing twice is harmless.
    package func close() {
        end(PostgresError(.closed, "the connection was closed"), stopStatement: true)
    }

    /// True when the next holder finds a session as good as new.
    var isReusable: Bool {
        guard case .idle = state, !mustRetire, !isTaken else { return false }
        return handle.transactionStatus == .idle
    }

    var transactionStatus: TransactionStatus { handle.transactionStatus }
}

extension Connection {
    /// The one way out: stops watching, closes, tells whoever waits, then the pool.
    func end(_ error: PostgresError, stopStatement: Bool = false) {
        let before = state
        if case .closed = before { return }
        state = .closed(error)
        isOpenFlag.store(false, ordering: .releasing)
        unwatch()
        disarm()
        if stopStatement, case .busy = before, let request = handle.cancelRequest() {
            BlockingThread.start { request.send() }
        }
        handle.finish()
        switch before {
        case .connecting(let continuation):
            continuation?.resume(returning: error)
        case .busy(var operation):
            operation.exchange.fail(error)
            operation.continuation.resume(returning: operation.exchange)
        case .idle, .closed: break
        }
        onClosed(id)
    }

    func arm(_ limit: Duration) {
        timer = loop.schedule(after: limit) { [weak self] in
            self?.assumeIsolated { $0.runOutOfTime() }
        }
    }

    func disarm() {
        guard let timer else { return }
        self.timer = nil
        loop.cancel(timer)
    }

    func runOutOfTime() {
        timer = nil
        switch state {
        case .connecting:
            end(
                PostgresError(
                    .connect(place), "no answer within \(limits.connect.inMilliseconds) ms"))
        case .busy:
            end(
                PostgresError(.timeout, "the server did not answer within its limit"),
                stopStatement: true)
        case .idle, .closed: break
        }
    }
}
