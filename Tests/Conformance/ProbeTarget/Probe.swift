import Configuration
import Glibc
import HTTP
import HTTPClient
import HTTPServer
import ServiceKit
import Sockets
import Telemetry

/// The production server with its default limits and the middleware of every service, for suites
/// and load generators of others.
@main
enum Probe {
    static func main() async {
        let arguments: ProbeArguments
        do throws(ProbeArguments.Mistake) {
            arguments = try ProbeArguments(CommandLine.arguments.dropFirst())
        } catch {
            say("ProbeTarget: \(error)\n\(ProbeArguments.usage)", to: STDERR_FILENO)
            exit(ExitCode.usage)
        }
        do {
            let process = try ProbeProcess(arguments)
            try await withTaskExecutorPreference(process.loop) { try await process.run() }
            exit(ExitCode.graceful)
        } catch {
            say("ProbeTarget: \(error)", to: STDERR_FILENO)
            let isTaken = (error as? SocketError)?.code == .addressInUse(arguments.port)
            exit(isTaken ? ExitCode.portInUse : ExitCode.failure)
        }
    }

    static func say(_ text: String, to descriptor: CInt) {
        let line = Array((text + "\n").utf8)
        // Nothing can be done when nobody reads.
        _ = write(descriptor, line, line.count)
    }
}

/// One loop, one server, until SIGTERM or SIGINT.
struct ProbeProcess {
    let loop: EventLoop
    private let server: Server
    private let drainLimit: Duration

    init(_ arguments: ProbeArguments) throws {
        ShutdownSignals.ignoreBrokenPipes()
        Self.raiseDescriptorLimit()
        let loop = try EventLoop(name: "probe")
        loop.start()
        self.loop = loop
        let context = ServiceContext(
            name: "probe", loop: loop,
            logger: Logger(
                service: "probe", level: .warning,
                sink: BufferedSink(service: "probe", output: DescriptorOutput(STDERR_FILENO))),
            metrics: MetricsRegistry(), environment: EnvironmentReader([:]))
        var router = Router()
        for layer in observingMiddleware(context) { router.use(layer) }
        ProbeRoutes.add(
            to: &router, loop: loop, client: Client(loop: loop, logger: context.logger))
        var limits = ServerLimits()
        if let connections = arguments.connections {
            limits.connectionsMax = connections
            limits.connectionsPerPeerMax = connections
        }
        drainLimit = limits.drain
        server = Server(
            configuration: ServerConfiguration(
                port: arguments.port, name: "probe", limits: limits),
            router: router, loop: loop, logger: context.logger, metrics: context.metrics)
    }

    /// Serves, and returns when a signal came and the requests under way have ended.
    func run() async throws {
        let server = server
        let port = try await server.start()
        let serving = Task(executorPreference: loop) { try await server.run() }
        ShutdownSignals.install(
            drainLimit: drainLimit, onSignal: { _ in serving.cancel() }, forced: { _ in })
        Probe.say("listening on 127.0.0.1:\(port)", to: STDOUT_FILENO)
        try await serving.value
    }

    /// Each connection is a descriptor; shells often allow a thousand where the system allows more.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        // With the lower limit the server still works, for fewer connections.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
