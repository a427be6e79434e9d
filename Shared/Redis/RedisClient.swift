package import Basics
import Foundation
import Resilience
package import Sockets
package import Telemetry

/// One pipelined connection to Redis on the event loop.
///
/// Redis decides nothing here and may be absent: `get`, `set` and `delete` neither fail nor take
/// longer than the command limit, whatever Redis does.
package actor RedisClient {
    struct Pending {
        let number: UInt64
        /// nil once the caller has gone: the answer still comes, in its turn, and is dropped.
        var continuation: CheckedContinuation<Result<RedisReply, RedisError>, Never>?
        let sent: MonotonicInstant
    }

    enum Link {
        /// Goes to `up` when the socket exists.
        case down
        /// Goes to `down` when either side ends it; `ended` then tells why.
        case up(RedisHandle, Watch, ended: OneShot<Void>)
    }

    /// The thread that everything here runs on.
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        // Safe: the loop lives at least as long as this actor, which retains it.
        unsafe loop.asUnownedSerialExecutor()
    }

    /// What the client was made with.
    package nonisolated let configuration: RedisConfiguration
    nonisolated let logger: Logger
    nonisolated let metrics: RedisMetrics
    nonisolated let random: RandomSource
    var link = Link.down
    /// True once PING was answered.
    var isReady = false
    var interest: Interest = []
    var pending: [Pending] = []
    var breaker = StoreBreaker()
    private var lastNumber: UInt64 = 0
    private static let backoff = Backoff(base: .milliseconds(50), cap: .seconds(1))

    /// hiredis writes without MSG_NOSIGNAL, so a peer that is gone would end the process.
    private static let ignoreBrokenPipes: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    package init(
        configuration: RedisConfiguration, loop: EventLoop, logger: Logger,
        metrics: MetricsRegistry, random: RandomSource = .system
    ) {
        _ = Self.ignoreBrokenPipes
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        self.metrics = RedisMetrics(metrics)
        self.random = random
    }

    isolated deinit {
        guard case .up(let handle, let watch, _) = link else { return }
        loop.cancel(watch)
        handle.finish()
    }

    /// True while commands are sent and answered.
    package var isConnected: Bool { isReady && !breaker.isOpen }

    /// Whether commands are sent, for people.
    package enum StoreState: String, Sendable {
        /// No connection: every command fails at once.
        case disconnected
        /// Commands are sent.
        case closed
        /// The breaker keeps commands back.
        case open
        /// One command is under way to find out.
        case probing
    }

    /// The connection and its breaker at this moment.
    package var storeState: StoreState {
        guard isReady else { return .disconnected }
        switch breaker.state {
        case .closed: return .closed
        case .open: return .open
        case .probing: return .probing
        }
    }

    /// Keeps connected, with backoff, until cancelled. Without it every command fails at once.
    package func run() async throws {
        defer { disconnect(RedisError(.connectionLost, "the client was stopped")) }
        var failures = 0
        while !Task.isCancelled {
            do {
                let ended = try await connect()
                if failures > 0 { logger.info("Redis is back") }
                failures = 0
                try await ended.value()
                logger.warning("the connection to Redis ended")
            } catch let error as RedisError {
                disconnect(error)
                // Once per outage: an absent Redis is no reason to fill the log.
                if failures == 0 {
                    logger.warning(
                        "cannot connect to Redis",
                        ["at": .string(configuration.place), "error": .init(describing: error)])
                }
            }
            failures += 1
            try await loop.sleep(for: Self.backoff.delay(attempt: failures, random: random))
        }
        throw CancellationError()
    }

    // MARK: Commands

    /// Sends one command and waits for its answer within the command limit.
    package func command(_ parts: [String]) async throws(RedisError) -> RedisReply {
        try await command(bytes: parts.map { Array($0.utf8) })
    }

    /// The same for arguments that are not text.
    package func command(bytes parts: [[UInt8]]) async throws(RedisError) -> RedisReply {
        switch try await raw(parts, limit: configuration.commandTimeout) {
        case .error(let message): throw RedisError(.refused, message)
        case let reply: return reply
        }
    }

    /// The answer even when it is an error of Redis: the connection is sound, though the command was
    /// wrong. What becomes of it is counted; an unknown script is only the first half of a call.
    func raw(_ parts: [[UInt8]], limit: Duration) async throws(RedisError) -> RedisReply {
        let start = MonotonicInstant.now
        do throws(RedisError) {
            let reply = try await guardedExchange(parts, limit: limit).get()
            if case .error(let message) = reply, !message.hasPrefix(RedisScript.unknown) {
                metrics.ended(.failed(.refused), since: start)
            } else {
                metrics.ended(.answered, since: start)
            }
            return reply
        } catch {
            metrics.ended(.failed(error.code), since: start)
            throw error
        }
    }

    /// The value of a key; nil when there is none or Redis does not answer.
    package func get(_ key: String) async -> [UInt8]? {
        do throws(RedisError) {
            guard case .bytes(let value) = try await command(["GET", key]) else {
                metrics.misses.increment()
                return nil
            }
            metrics.hits.increment()
            return value
        } catch {
            // Counted by `command`; a cache that fails is a cache without the value.
            return nil
        }
    }

    /// Stores a value for a while. A failure is counted, nothing else.
    package func set(_ key: String, _ value: [UInt8], timeToLive: Duration) async {
        guard value.count <= configuration.valueMax else {
            metrics.failures.increment()
            return
        }
        let milliseconds = max(1, timeToLive.inMilliseconds)
        await settle(
            ["SET", key].map { Array($0.utf8) } + [value]
                + ["PX", String(milliseconds)].map { Array($0.utf8) })
    }

    /// Removes a key. False when Redis did not confirm: the old value may then be read until its
    /// time to live is over.
    @discardableResult
    package func delete(_ key: String) async -> Bool {
        await settle(["DEL", key].map { Array($0.utf8) })
    }

    @discardableResult
    private func settle(_ parts: [[UInt8]]) async -> Bool {
        do throws(RedisError) {
            _ = try await command(bytes: parts)
            return true
        } catch {
            // Counted by `command`; the caller works without the cache.
            return false
        }
    }

    private func guardedExchange(
        _ parts: [[UInt8]], limit: Duration
    ) async -> Result<RedisReply, RedisError> {
        guard isReady else {
            return .failure(RedisError(.notConnected, "no connection to \(configuration.place)"))
        }
        guard pending.count < configuration.pendingMax else {
            return .failure(RedisError(.limitReached, "\(pending.count) commands are unanswered"))
        }
        guard breaker.permits(now: .now) else {
            return .failure(RedisError(.breakerOpen, "recent commands were not answered"))
        }
        let outcome = await exchange(parts, limit: limit)
        let wasOpen = breaker.isOpen
        switch outcome {
        case .success: breaker.succeeded()
        case .failure: breaker.failed(now: .now, spread: 0.8 + 0.4 * random.fraction())
        }
        // Once per outage and its end, not once per probe.
        if breaker.isOpen, !wasOpen {
            logger.warning("Redis does not answer; commands are kept back", ["at": .string(configuration.place)])
        } else if wasOpen, !breaker.isOpen {
            logger.info("Redis answers again", ["at": .string(configuration.place)])
        }
        return outcome
    }

    /// One command and its answer, or a failure when `limit` has passed.
    func exchange(
        _ parts: [[UInt8]], limit: Duration
    ) async -> Result<RedisReply, RedisError> {
        guard case .up(let handle, _, _) = link, handle.append(parts) else {
            return .failure(RedisError(.notConnected, "no connection to \(configuration.place)"))
        }
        lastNumber += 1
        let number = lastNumber
        let timer = loop.schedule(after: limit) { [weak self] in
            self?.assumeIsolated { $0.expire(number) }
        }
        let outcome = await withCheckedContinuation { continuation in
            pending.append(Pending(number: number, continuation: continuation, sent: .now))
            flush()
        }
        loop.cancel(timer)
        return outcome
    }
}
