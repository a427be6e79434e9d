import Basics
import Configuration
import Glibc
import Resilience
import Sockets
import Telemetry

/// The main of every service.
package enum ServiceProgram {
    /// Runs the service that `compose` describes until SIGTERM or SIGINT, and ends the process:
    /// 0 after a graceful end, 78 for a bad configuration or a failed migration, 4 for a taken
    /// port, otherwise 1. The reason is one line on standard error and the last line of the log.
    ///
    /// `compose` runs on the service's loop and must not wait; it reads the environment and builds
    /// the parts, whose work begins in `prepare` and `run`.
    ///
    /// With the argument `--health` it asks the service that runs on `operationsPort` whether it is
    /// ready, prints the answer, and ends: 0 when it is, otherwise 1.
    package static func main(
        _ name: String, operationsPort: PortSetting,
        compose: @escaping @Sendable (ServiceContext) throws -> Composition
    ) async -> Never {
        switch CommandLine.arguments.dropFirst().first {
        case nil: break
        case "--health": await HealthProbe.main(name, operationsPort)
        case .some(let word):
            complain(name, "\(word) is not known; --health asks the running service, no argument starts it")
            _exit(ExitCode.usage)
        }
        let environment = EnvironmentReader.process()
        let process: ServiceProcess
        do {
            process = try ServiceProcess(name: name, environment: environment)
        } catch {
            complain(name, error)
            _exit(exitCode(of: error))
        }
        let code = await withTaskExecutorPreference(process.context.loop) {
            await process.run(compose)
        }
        process.sink.close()
        // The libraries' threads still run: exit handlers would pull the ground from under them.
        fflush(nil)
        _exit(code)
    }

    static func exitCode(of error: any Error) -> Int32 {
        switch error {
        case let error as any ExitCoded: error.exitCode
        case is ConfigurationError, is YAMLError, is LogFileError: ExitCode.configuration
        default: ExitCode.failure
        }
    }

    /// One line on standard error, for whoever started the process by hand.
    static func complain(_ name: String, _ error: Any) {
        let text = String(describing: error).split(separator: "\n").joined(separator: " ")
        let line = Array("\(name): \(text)\n".utf8)
        // Nothing can be done when even standard error is gone.
        _ = write(STDERR_FILENO, line, line.count)
    }
}

/// What is made before anything of the service: log, loop, settings, signals.
struct ServiceProcess: Sendable {
    let context: ServiceContext
    let settings: RuntimeSettings
    let sink: BufferedSink
    /// Nil when no spans are to leave the process.
    let exporter: SpanExporter?

    init(name: String, environment: EnvironmentReader) throws {
        ShutdownSignals.ignoreBrokenPipes()
        let word = try environment.choice(
            "MERCATO_LOG_LEVEL", default: LogLevel.info.rawValue,
            of: LogLevel.allCases.map(\.rawValue))
        let output: any LogOutput
        if let path = environment.optionalText("MERCATO_LOG_FILE") {
            output = try RotatingFile(path: path)
        } else {
            output = DescriptorOutput.standardOutput
        }
        settings = try RuntimeSettings.read(environment)
        let tracing = try TracingSettings.read(environment, service: name)
        sink = BufferedSink(service: name, output: output)
        let loop = try EventLoop(name: name)
        loop.start()
        let logger = Logger(service: name, level: LogLevel(rawValue: word) ?? .info, sink: sink)
        let metrics = MetricsRegistry()
        let exporter = tracing.map {
            SpanExporter($0, loop: loop, logger: logger, metrics: metrics)
        }
        self.exporter = exporter
        let tracer = tracing.map { Tracer(sink: exporter?.queue, sampler: $0.sampler) }
        context = ServiceContext(
            name: name, loop: loop, logger: logger, metrics: metrics, environment: environment,
            tracer: tracer ?? .disabled)
    }

    /// Runs the service; the result is the exit code.
    func run(_ compose: @Sendable (ServiceContext) throws -> Composition) async -> Int32 {
        ProcessMetrics.register(in: context.metrics, service: context.name)
        do {
            let composition = try compose(context)
            logSettings()
            let runtime = ServiceRuntime(
                context: context, composition: composition, settings: settings,
                exporter: exporter)
            let (logger, sink) = (context.logger, sink)
            var reload: (@Sendable () -> Void)?
            if let tls = composition.apiTLS {
                let watch = CertificateWatch(tls, logger: logger, metrics: context.metrics)
                reload = { watch.reload() }
            }
            ShutdownSignals.install(
                drainLimit: settings.drainLimit,
                onSignal: { number in
                    runtime.shutDown(because: number == SIGINT ? "SIGINT" : "SIGTERM")
                },
                onReload: reload,
                forced: { reason in
                    logger.error("ended by force", ["reason": .string(reason.description)])
                    sink.flush()
                })
            try await runtime.run()
            context.logger.notice("ended gracefully")
            return ExitCode.graceful
        } catch {
            let code = ServiceProgram.exitCode(of: error)
            context.logger.error(
                "the service cannot go on",
                ["error": .init(describing: error), "exit_code": .init(code)])
            ServiceProgram.complain(context.name, error)
            return code
        }
    }

    private func logSettings() {
        var fields: LogFields = [:]
        for entry in context.environment.summary where !entry.isDefault {
            fields[entry.key] = .string(entry.shown)
        }
        context.logger.info("settings that differ from their defaults", fields)
    }
}
