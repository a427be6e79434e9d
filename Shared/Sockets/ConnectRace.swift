import Basics
import CLinux
import Glibc

/// Attempts at several addresses of one host, the next beginning while earlier ones still wait; the
/// first that is accepted wins, and the others are closed at once (RFC 8305 §5).
///
/// An address that swallows packets costs its delay this way, not the whole time to connect.
actor ConnectRace {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The loop outlives this actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    /// A socket whose handshake is under way.
    private final class Attempt {
        let address: SocketAddress
        var descriptor: FileDescriptor?
        var watch: Watch?

        init(_ address: SocketAddress, _ descriptor: consuming FileDescriptor) {
            self.address = address
            self.descriptor = consume descriptor
        }
    }

    private let operation: String
    private let settings: ConnectSettings
    private let limits: TCPLimits
    private var waiting: ArraySlice<SocketAddress>
    /// By their number in the order of their beginning.
    private var running: [Int: Attempt] = [:]
    private var begun = 0
    private var failures: [(address: SocketAddress, error: SocketError)] = []
    private var nextTimer: TimerToken?
    /// The race is over: nothing begins any more.
    private var isOver = false
    private let result = OneShot<TCPConnection>()

    init(
        _ addresses: [SocketAddress], _ operation: String, settings: ConnectSettings,
        limits: TCPLimits, loop: EventLoop
    ) {
        waiting = addresses[...]
        self.operation = operation
        self.settings = settings
        self.limits = limits
        self.loop = loop
    }

    /// Alternates the families, beginning with that of the first address: the resolver's preference
    /// (RFC 6724) holds, and one broken family costs one delay only (RFC 8305 §4).
    static func order(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let first = addresses.first else { return [] }
        var preferred = addresses.filter { $0.isIPv6 == first.isIPv6 }[...]
        var others = addresses.filter { $0.isIPv6 != first.isIPv6 }[...]
        var ordered: [SocketAddress] = []
        while !preferred.isEmpty || !others.isEmpty {
            if let next = preferred.popFirst() { ordered.append(next) }
            if let next = others.popFirst() { ordered.append(next) }
        }
        return ordered
    }

    /// Runs the race, once. Whatever way it ends, no socket but the winner's is left open.
    func winner(by deadline: Deadline) async throws(SocketError) -> TCPConnection {
        let timer = loop.schedule(after: deadline.remaining) { [weak self] in
            self?.assumeIsolated { $0.give(up: .timeout) }
        }
        defer { loop.cancel(timer) }
        beginNext()
        do {
            return try await result.value()
        } catch let error as SocketError {
            throw error
        } catch {
            give(up: .cancelled)
            throw SocketError(.cancelled, operation)
        }
    }

    // MARK: Attempts

    private func beginNext() {
        if let nextTimer { loop.cancel(nextTimer) }
        nextTimer = nil
        while !isOver, let address = waiting.popFirst() {
            do throws(SocketError) {
                try begin(address)
                if !waiting.isEmpty { beginNextLater() }
                return
            } catch {
                failures.append((address, error))
            }
        }
        if !isOver, running.isEmpty { fail() }
    }

    private func beginNextLater() {
        nextTimer = loop.schedule(after: settings.attemptDelay) { [weak self] in
            self?.assumeIsolated { $0.beginNext() }
        }
    }

    private func begin(_ address: SocketAddress) throws(SocketError) {
        var target = address
        let number = unsafe clinux_stream_socket(&target.raw)
        guard number >= 0 else { throw SocketError(result: number, "socket") }
        let attempt = Attempt(address, FileDescriptor(owning: number))
        let result = unsafe clinux_connect(number, &target.raw)
        guard result >= 0 || result == -EINPROGRESS else {
            throw SocketError(result: result, "connect")
        }
        begun += 1
        let id = begun
        attempt.watch = try loop.watch(number, .writable) { [weak self] _ in
            self?.assumeIsolated { $0.settled(id) }
        }
        running[id] = attempt
    }

    private func settled(_ id: Int) {
        guard let attempt = running.removeValue(forKey: id) else { return }
        if let watch = attempt.watch { loop.cancel(watch) }
        guard let owner = attempt.descriptor.take() else { return }
        do throws(SocketError) {
            let outcome = clinux_connect_result(owner.number)
            guard outcome >= 0 else { throw SocketError(result: outcome, "connect") }
            try TCPChannel.setOptions(owner.number, limits)
            let connection = TCPConnection(
                owning: owner, peer: attempt.address, limits: limits, loop: loop)
            end()
            // When the caller was cancelled in this turn, the connection is let go and closes itself.
            result.succeed(connection)
        } catch {
            failures.append((attempt.address, error))
            // RFC 8305 §5: a failure is no reason to wait for the delay.
            beginNext()
        }
    }

    // MARK: Ends

    private func give(up code: SocketError.Code) {
        guard !isOver else { return }
        for attempt in running.sorted(by: { $0.key < $1.key }) {
            failures.append((attempt.value.address, SocketError(code, "connect")))
        }
        end()
        result.fail(SocketError(code, describedOperation))
    }

    private func fail() {
        end()
        let code = failures.last?.error.code ?? .nameNotFound
        let number = failures.last?.error.errorNumber ?? 0
        result.fail(SocketError(code, describedOperation, errorNumber: number))
    }

    /// Closes every socket that is still under way.
    private func end() {
        isOver = true
        waiting = []
        if let nextTimer { loop.cancel(nextTimer) }
        nextTimer = nil
        for attempt in running.values {
            if let watch = attempt.watch { loop.cancel(watch) }
            attempt.descriptor = nil
        }
        running = [:]
    }

    /// With what became of each address, when there were several.
    private var describedOperation: String {
        guard failures.count > 1 else { return operation }
        let each = failures.map { "\($0.address) \($0.error.code)" }.joined(separator: ", ")
        return "\(operation) (\(each))"
    }
}
