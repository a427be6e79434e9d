import Basics
import HTTP
import HTTPClient
import Resilience
import Sockets
import Telemetry

/// Delivers spans to an OpenTelemetry collector by OTLP/HTTP with JSON.
///
/// It runs outside of any trace, so its own requests make no spans and carry no trace headers.
actor SpanExporter: LongRunning {
    /// Attempts for one batch; then it is dropped, so that newer spans get their turn.
    static let attemptsMax = 5
    /// The longest wait that a collector may ask for with `Retry-After`.
    static let retryAfterMax: Duration = .seconds(30)
    /// At the end of the process: the time for everything that is still in the queue.
    static let flushMax: Duration = .seconds(2)
    /// The longest answer read, in bytes.
    static let answerMax = 64 * 1_024
    private static let backoff = Backoff(base: .milliseconds(500), cap: .seconds(10))

    nonisolated let name = "span-exporter"
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    /// Where tracers put their spans.
    nonisolated let queue: SpanQueue

    private let settings: TracingSettings
    private let client: Client
    private let encoder: OTLPEncoder
    private let random: RandomSource
    private let logger: Logger
    private let metrics: ExportMetrics
    /// The batch that is out of the queue and not delivered yet.
    private var batch: [FinishedSpan] = []
    private var isFailing = false

    init(
        _ settings: TracingSettings, loop: EventLoop, logger: Logger, metrics: MetricsRegistry,
        random: RandomSource = .system
    ) {
        self.settings = settings
        self.loop = loop
        self.logger = logger
        self.random = random
        self.metrics = ExportMetrics(metrics)
        encoder = OTLPEncoder(resource: settings.resource)
        queue = SpanQueue(
            capacity: settings.queueMax, batchMax: settings.batchMax,
            droppedFull: self.metrics.dropped(.queueFull))
        var limits = ClientConfiguration()
        limits.requestTimeout = settings.timeout
        limits.maxConnectionsPerOrigin = 1
        client = Client(loop: loop, configuration: limits, logger: logger)
        let (queue, waiting) = (queue, self.metrics.waiting)
        metrics.beforeRender { waiting.set(Double(queue.count)) }
    }

    /// Delivers until cancelled, then for at most `flushMax` what is left.
    func run() async throws {
        do {
            while true {
                _ = try await queue.isReady.wait(atMost: settings.scheduleDelay, on: loop)
                while try await deliverNext() {}
            }
        } catch {
            // Reason: the last spans leave although this task is cancelled; the deadline bounds it,
            // and it is awaited here.
            await Task(executorPreference: loop) { await self.flush() }.value
            throw error
        }
    }

    /// False when nothing waits.
    private func deliverNext() async throws -> Bool {
        if batch.isEmpty { batch = queue.next() }
        guard !batch.isEmpty else { return false }
        let body = await encoded(batch)
        var attempt = 0
        while true {
            try Task.checkCancellation()
            attempt += 1
            let verdict = await send(body, deadline: .after(settings.timeout))
            try Task.checkCancellation()
            guard case .again(let cause, let asked) = verdict else {
                settle(verdict)
                return true
            }
            note(failure: cause)
            guard attempt < Self.attemptsMax else {
                drop(.exhausted)
                return true
            }
            try await loop.sleep(
                for: asked.map { min($0, Self.retryAfterMax) }
                    ?? Self.backoff.delay(attempt: attempt, random: random))
        }
    }

    /// The end of the process: one attempt for each batch, none after the first failure.
    private func flush() async {
        let deadline = Deadline.after(Self.flushMax)
        while true {
            if batch.isEmpty { batch = queue.next() }
            guard !batch.isEmpty else { return }
            let verdict = await send(await encoded(batch), deadline: deadline)
            if case .again(let cause, _) = verdict {
                note(failure: cause)
                while !batch.isEmpty {
                    drop(.shutdown)
                    batch = queue.next()
                }
                return
            }
            settle(verdict)
        }
    }

    /// Off the loop: a full batch takes some milliseconds, and requests wait for the loop's thread.
    private func encoded(_ spans: [FinishedSpan]) async -> [UInt8] {
        let encoder = encoder
        // Reason: only a task of its own can leave the service's executor; it is awaited at once.
        return await Task.detached(executorPreference: globalConcurrentExecutor) {
            encoder.encode(spans)
        }.value
    }

    private func send(_ body: [UInt8], deadline: Deadline) async -> DeliveryVerdict {
        var headers: Headers = [:]
        for header in settings.headers { headers[header.name] = header.value.reveal() }
        headers["content-type"] = "application/json"
        headers["user-agent"] = "mercato/\(ProgramVersion.text)"
        do {
            let response = try await client.send(
                ClientRequest(method: .post, url: settings.endpoint, headers: headers, body: body),
                deadline: deadline)
            let answer = try await response.body.collect(upTo: Self.answerMax)
            return .judge(
                status: response.status, headers: response.headers, body: answer, now: .now())
        } catch {
            return .judge(error)
        }
    }

    private func settle(_ verdict: DeliveryVerdict) {
        switch verdict {
        case .delivered(let rejected):
            let count = min(rejected, batch.count)
            metrics.exported.increment(by: Int64(batch.count - count))
            metrics.dropped(.rejected).increment(by: Int64(count))
            batch = []
            guard isFailing else { return }
            isFailing = false
            logger.notice("spans are delivered again", ["endpoint": .string(settings.endpoint)])
        case .refused(let cause):
            note(failure: cause)
            drop(.rejected)
        case .again: break
        }
    }

    private func drop(_ reason: ExportMetrics.Reason) {
        metrics.dropped(reason).increment(by: Int64(batch.count))
        batch = []
    }

    /// Once for each time of trouble: traces are no reason to fill the log.
    private func note(failure cause: String) {
        guard !isFailing else { return }
        isFailing = true
        logger.warning(
            "spans cannot be delivered; they are kept in a bounded queue, and dropped beyond",
            ["endpoint": .string(settings.endpoint), "cause": .string(cause)])
    }
}

/// What the exporter counts.
struct ExportMetrics: Sendable {
    /// Why spans were lost.
    enum Reason: String, CaseIterable {
        case queueFull = "queue_full"
        /// The collector was away for all attempts.
        case exhausted = "retries_exhausted"
        /// The collector does not want them.
        case rejected
        /// The process ended first.
        case shutdown
    }

    let exported: Counter
    let waiting: Gauge
    private let drops: [Reason: Counter]

    init(_ metrics: MetricsRegistry) {
        exported = metrics.counter(
            "otlp_spans_exported_total", help: "Spans that the collector took.")
        waiting = metrics.gauge("otlp_queue_spans", help: "Spans that wait for delivery.")
        drops = Dictionary(
            uniqueKeysWithValues: Reason.allCases.map { reason in
                (
                    reason,
                    metrics.counter(
                        "otlp_spans_dropped_total", help: "Spans that were lost, by cause.",
                        labels: ["reason": reason.rawValue])
                )
            })
    }

    func dropped(_ reason: Reason) -> Counter { drops[reason] ?? Counter() }
}
