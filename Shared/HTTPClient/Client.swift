package import Basics
import HTTP
import Resilience
package import Sockets
package import Telemetry

/// An HTTP/1.1 client with a pool of connections for each origin.
///
/// Repeats a request by itself in one case only: a pooled connection turned out to be closed before
/// a byte came back, and the request is idempotent or was not sent (RFC 9112 §9.3.1, U5). Every
/// other repetition is the caller's decision.
package actor Client {
    package nonisolated let loop: EventLoop
    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.asUnownedSerialExecutor()
    }

    private let configuration: ClientConfiguration
    private let logger: Logger
    /// Nil when nothing is measured.
    package nonisolated let metrics: ClientMetrics?
    private let tracer: Tracer
    private var pools: [Origin: OriginPool] = [:]

    package init(
        loop: EventLoop, configuration: ClientConfiguration = ClientConfiguration(), logger: Logger,
        metrics: ClientMetrics? = nil, tracer: Tracer = .disabled
    ) {
        self.loop = loop
        self.metrics = metrics
        self.configuration = configuration
        self.logger = logger
        self.tracer = tracer
    }

    /// Sends the request and returns when the response's head has arrived, before `deadline` or
    /// within the configured time. Cancelling the task closes the connection.
    ///
    /// Inside a trace the call is a client span, up to the response's head, and carries the span's
    /// context in `traceparent`. Outside of one nothing is added.
    package func send(_ request: ClientRequest, deadline: Deadline? = nil)
        async throws(ClientError) -> ClientResponse
    {
        let url = try ClientURL(request.url)
        guard let current = TraceContext.current else {
            return try await exchange(request, url, deadline)
        }
        let span = tracer.start(
            ClientSpan.name(of: request), kind: .client, parent: current,
            attributes: ClientSpan.attributes(of: request, to: url))
        var request = request
        ClientSpan.inject(span.context, into: &request.headers)
        do throws(ClientError) {
            let response = try await exchange(request, url, deadline)
            ClientSpan.note(response.status, on: span)
            span.end()
            return response
        } catch {
            span.end(failed: error)
            throw error
        }
    }

    private func exchange(_ request: ClientRequest, _ url: ClientURL, _ deadline: Deadline?)
        async throws(ClientError) -> ClientResponse
    {
        let pool = try pool(for: url.origin)
        let message = try OutgoingMessage(request, to: url)
        let patience =
            message.upload == nil ? configuration.requestTimeout : configuration.uploadTimeout
        let deadline = deadline ?? .after(patience)
        let started = MonotonicInstant.now
        do throws(ClientError) {
            let response = try await attempts(request, message, pool, deadline)
            pool.metrics?.ended(
                .answered(hundreds: response.status / 100), after: started.duration(to: .now))
            return response
        } catch {
            pool.metrics?.ended(.failed(error.code), after: started.duration(to: .now))
            throw error
        }
    }

    private func attempts(
        _ request: ClientRequest, _ message: OutgoingMessage, _ pool: OriginPool,
        _ deadline: Deadline
    ) async throws(ClientError) -> ClientResponse {
        do throws(AttemptFailure) {
            return try await attempt(request, message, pool, deadline, mayReuse: true)
        } catch {
            // A sequence is read once, so its request may be repeated only when nothing was sent.
            let isRepeatable =
                error.error.nothingWritten
                || (request.method.isIdempotent && message.upload == nil)
            guard error.wasStale, isRepeatable, !deadline.isPast, !Task.isCancelled else {
                throw error.error
            }
            logger.debug(
                "pooled connection was closed; the request is sent again",
                ["origin": .string(pool.origin.description)])
        }
        do throws(AttemptFailure) {
            return try await attempt(request, message, pool, deadline, mayReuse: false)
        } catch {
            throw error.error
        }
    }

    /// A connection, tried again when none could be made.
    private func lease(from pool: OriginPool, mayReuse: Bool, _ deadline: Deadline)
        async throws(ClientError) -> Lease
    {
        let giveUp = MonotonicInstant.now + configuration.connectRetryWindow
        var failures = 0
        while true {
            do throws(ClientError) {
                return try await pool.lease(mayReuse: mayReuse, deadline: deadline)
            } catch {
                failures += 1
                let pause = Self.connectBackoff.delay(attempt: failures, random: .system)
                guard error.code == .connectFailed, failures < configuration.connectAttempts,
                    MonotonicInstant.now < giveUp, deadline.remaining > pause
                else { throw error }
                logger.debug(
                    "no connection; trying again",
                    ["failures": .init(failures), "error": .string("\(error)")])
                // Ignored: when cancelled, the next attempt says so.
                try? await loop.sleep(for: pause)
            }
        }
    }

    /// RT-4.
    private static let connectBackoff = Backoff(base: .milliseconds(25), cap: .milliseconds(250))

    /// Closes unused connections; those in use end with their response.
    package func closeIdle() async {
        for pool in pools.values { await pool.closeIdle() }
    }

    /// Connections in use and unused, over all origins.
    package func connectionCounts() async -> (active: Int, idle: Int) {
        var counts = (active: 0, idle: 0)
        for pool in pools.values {
            counts.active += pool.activeCount
            counts.idle += await pool.idleCount
        }
        return counts
    }

    /// Requests that wait for a free connection, over all origins.
    func waitingCount() -> Int { pools.values.reduce(0) { $0 + $1.waitingCount } }

    private func pool(for origin: Origin) throws(ClientError) -> OriginPool {
        if let pool = pools[origin] { return pool }
        guard pools.count < configuration.maxOrigins else {
            throw ClientError(.poolExhausted, "too many origins", nothingWritten: true)
        }
        let pool = OriginPool(
            origin: origin, configuration: configuration, loop: loop,
            metrics: metrics?.origin(origin))
        pools[origin] = pool
        return pool
    }

    private func attempt(
        _ request: ClientRequest, _ message: OutgoingMessage, _ pool: OriginPool,
        _ deadline: Deadline, mayReuse: Bool
    ) async throws(AttemptFailure) -> ClientResponse {
        let lease: Lease
        do throws(ClientError) {
            lease = try await self.lease(from: pool, mayReuse: mayReuse, deadline)
        } catch {
            throw AttemptFailure(error, wasStale: false)
        }
        let exchange = Exchange(
            lease: lease, method: request.method, deadline: deadline, configuration: configuration)
        let head = try await exchange.head(sending: message)
        var declared: Int?
        if case .length(let length) = head.framing { declared = length }
        if head.framing == .none { declared = 0 }
        return ClientResponse(
            status: head.status, headers: head.headers,
            body: ClientBody(exchange: exchange, declaredLength: declared))
    }
}

/// A failed attempt, and whether a closed pooled connection is to blame.
struct AttemptFailure: Error {
    let error: ClientError
    let wasStale: Bool

    init(_ error: ClientError, wasStale: Bool) {
        self.error = error
        self.wasStale = wasStale
    }
}
