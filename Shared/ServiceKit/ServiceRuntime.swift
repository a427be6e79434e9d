import Basics
import Configuration
import Crypto
import HTTP
import HTTPServer
import Sockets
import Telemetry

/// Numbers that hold for a whole process.
struct RuntimeSettings: Sendable {
    var host = "127.0.0.1"
    /// From the first signal to the end of the process.
    var drainLimit: Duration = .seconds(15)
    /// Time in which `/readyz` already says 503 but connections are still taken, so that a load
    /// balancer can look twice (HC-3). Nothing looks on one machine: the default is none.
    var drainWait: Duration = .zero

    /// `MERCATO_HOST`, `MERCATO_DRAIN_MS`, `MERCATO_DRAIN_WAIT_MS`. A wait as long as the limit would
    /// end every life by force, with requests under way.
    static func read(_ environment: EnvironmentReader) throws(ConfigurationError) -> RuntimeSettings {
        let settings = RuntimeSettings(
            host: try environment.text("MERCATO_HOST", default: "127.0.0.1"),
            drainLimit: try environment.milliseconds(
                "MERCATO_DRAIN_MS", default: .seconds(15), in: .zero...(.seconds(600))),
            drainWait: try environment.milliseconds(
                "MERCATO_DRAIN_WAIT_MS", default: .zero, in: .zero...(.seconds(60))))
        guard settings.drainWait == .zero || settings.drainWait < settings.drainLimit else {
            throw ConfigurationError(
                .outOfRange, key: "MERCATO_DRAIN_WAIT_MS",
                "is \(settings.drainWait.inMilliseconds); allowed is less than MERCATO_DRAIN_MS, "
                    + "which is \(settings.drainLimit.inMilliseconds)")
        }
        return settings
    }
}

/// Where the listeners are, once they are.
struct BoundPorts: Sendable, Equatable {
    var api: Int?
    var operations: Int
}

/// One life of a service: listeners first, then `prepare`, then the parts; and the same backwards.
///
/// Each stage is a task that can be ended alone, because the order matters: requests in flight
/// need the pool, and probes need `/readyz` until the very end.
struct ServiceRuntime: Sendable {
    private enum Stage: String, Sendable {
        case api, services, prepare, foundations, operations
    }

    private enum Event: Sendable {
        case shutdown(String)
        case ended(Stage, (any Error)?)
    }

    private typealias Part = Task<Void, Never>
    private typealias Listener = (server: Server, port: Int)

    /// Requests in flight get this share of the drain limit; the rest is for the parts.
    private static let apiShareOfDrain = 0.7

    let context: ServiceContext
    let composition: Composition
    let settings: RuntimeSettings
    /// Ends with the foundations, after everything that makes spans.
    private let exporter: SpanExporter?
    private let events = AsyncQueue<Event>(capacity: 64)
    private let progress = DrainProgress()

    init(
        context: ServiceContext, composition: Composition, settings: RuntimeSettings,
        exporter: SpanExporter? = nil
    ) {
        self.exporter = exporter
        self.context = context
        self.composition = composition
        self.settings = settings
    }

    /// Asks a running `run` to end gracefully. Any thread.
    func shutDown(because reason: String) { events.push(.shutdown(reason)) }

    /// Returns after a graceful end (by `shutDown` or cancellation of the task). Throws an
    /// `ExitCoded` error when the service cannot go on, or when the drain limit has passed.
    func run(listening: @Sendable (BoundPorts) -> Void = { _ in }) async throws {
        context.readiness.set("start", .notReady("starting"))
        let gate = StartingGate()
        let operations = try await listener(
            "operations", composition.operationsPort, composition.operationsPortKey,
            OperationsRoutes(context: context).add(to: composition.operations))
        var api: Listener?
        if let port = composition.apiPort {
            api = try await listener(
                "api", port, composition.apiPortKey, gate.guarding(composition.api),
                tls: composition.apiTLS)
        }
        listening(BoundPorts(api: api?.port, operations: operations.port))
        context.logger.notice(
            "listening",
            ["api_port": .init(api?.port ?? 0), "operations_port": .init(operations.port)])

        var parts: [(stage: Stage, task: Part)] = []
        parts.append((.operations, start(.operations) { try await operations.server.run() }))
        parts.append((.foundations, start(.foundations, foundations)))
        if let server = api?.server {
            parts.append((.api, start(.api) { try await server.run() }))
        }
        parts.append((.prepare, start(.prepare, prepare)))
        let failure = await untilTheEnd(gate, &parts)
        let drained = await drain(parts, [api?.server, operations.server].compactMap(\.self))
        if let failure { throw failure }
        if let drained { throw drained }
    }

    /// Takes a port. The router's unforeseen errors go to the log; clients see only `internal`.
    private func listener(
        _ name: String, _ port: Int, _ key: String?, _ router: Router, tls: ServerTLS? = nil
    ) async throws -> Listener {
        var (router, logger) = (router, context.logger)
        logger = logger.with(["server": .string(name)])
        router.reportErrors { [logger] error, request in
            logger.error(
                "a request failed",
                [
                    "route": .string(request.context.routePattern ?? "none"),
                    "request_id": .string(request.context.requestID),
                    "trace_id": .string(request.context.traceID ?? ""),
                    "error": .init(describing: error),
                ])
        }
        var limits = ServerLimits()
        limits.drain = settings.drainLimit * Self.apiShareOfDrain
        limits.streamDrain = min(limits.streamDrain, limits.drain)
        let server = Server(
            configuration: ServerConfiguration(
                host: settings.host, port: port, name: name, limits: limits, tls: tls),
            router: router, loop: context.loop, logger: context.logger, metrics: context.metrics)
        do {
            return (server, try await server.start())
        } catch {
            guard case .addressInUse(let taken) = error.code else { throw error }
            throw PortInUse(
                key: key ?? "the \(name) port", port: taken, holder: PortHolder.find(taken))
        }
    }

    // MARK: Stages

    private func start(
        _ stage: Stage, _ body: @escaping @Sendable () async throws -> Void
    ) -> Part {
        progress.begin(stage.rawValue)
        // Reason: the stages end one after the other while the rest goes on, which a task group
        // cannot do; every handle is awaited in `drain`.
        return Task(executorPreference: context.loop) {
            do {
                try await body()
                events.push(.ended(stage, nil))
            } catch {
                events.push(.ended(stage, error))
            }
        }
    }

    private func start(_ stage: Stage, _ members: [any LongRunning]) -> Part {
        start(stage) {
            try await ServiceGroup(parts: members, context: context, progress: progress).run()
        }
    }

    private var foundations: [any LongRunning] {
        let exporters: [any LongRunning] = exporter.map { [$0] } ?? []
        return composition.foundations + [LoopLagProbe(context)] + exporters
    }

    private func prepare() async throws {
        try await waitUntilReady("start", context: context) { try await composition.prepare() }
    }

    /// Waits for the reason to end; nil for a graceful one.
    private func untilTheEnd(
        _ gate: StartingGate, _ parts: inout [(stage: Stage, task: Part)]
    ) async -> (any Error)? {
        while let event = await events.next() {
            switch event {
            case .shutdown(let reason):
                context.logger.notice("shutting down", ["reason": .string(reason)])
                return nil
            case .ended(.prepare, nil):
                parts.append((.services, start(.services, composition.services)))
                gate.open()
                context.logger.notice("ready to serve")
            case .ended(let stage, let error):
                let error = error ?? ExitError(ExitCode.failure, "the stage ended by itself")
                context.logger.error(
                    "stage ended; the process ends",
                    ["stage": .string(stage.rawValue), "error": .init(describing: error)])
                return error
            }
        }
        return nil  // Cancelled.
    }

    // MARK: Ending

    /// Ends the stages in order; the error says which were still busy at the limit.
    private func drain(_ parts: [(stage: Stage, task: Part)], _ servers: [Server]) async
        -> (any Error)?
    {
        context.readiness.set("process", .notReady("draining"))
        let order: [Stage] = [.prepare, .api, .services, .foundations, .operations]
        let done = OneShot<Void>()
        // Reason: draining goes on when the caller is cancelled, which is one way to ask for it.
        let ending = Task(executorPreference: context.loop) {
            if settings.drainWait > .zero {
                for server in servers { await server.letGo() }
                try await context.loop.sleep(for: settings.drainWait)
            }
            for stage in order {
                for part in parts where part.stage == stage {
                    part.task.cancel()
                    await part.task.value
                    progress.finish(stage.rawValue)
                }
            }
            done.succeed()
        }
        let timer = context.loop.schedule(after: settings.drainLimit) {
            ending.cancel()
            done.fail(
                ExitError(
                    ExitCode.failure,
                    "the drain limit has passed; still busy: \(progress.remaining)"))
        }
        // Reason: as above; the cell is settled by the end of draining or by the timer.
        let outcome = await Task(executorPreference: context.loop) { try await done.value() }.result
        context.loop.cancel(timer)
        switch outcome {
        case .success: return nil
        case .failure(let error): return error
        }
    }
}
