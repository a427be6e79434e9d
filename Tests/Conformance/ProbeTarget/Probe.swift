import Configuration
import Crypto
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
            let code = (error as? SocketError)?.code
            let isTaken = [arguments.port, arguments.tls?.port].contains {
                $0.map { code == .addressInUse($0) } ?? false
            }
            exit(isTaken ? ExitCode.portInUse : ExitCode.failure)
        }
    }

    static func say(_ text: String, to descriptor: CInt) {
        let line = Array((text + "\n").utf8)
        // Nothing can be done when nobody reads.
        _ = write(descriptor, line, line.count)
    }
}

/// One server on its loops, until SIGTERM or SIGINT; with TLS a second server of the same routes.
struct ProbeProcess {
    let loop: EventLoop
    private let server: ServerGroup
    private let secured: ServerGroup?
    private let tls: ServerTLS?
    private let drainLimit: Duration

    init(_ arguments: ProbeArguments) throws {
        ShutdownSignals.ignoreBrokenPipes()
        Self.raiseDescriptorLimit()
        let loops = try (0..<arguments.loops).map { try EventLoop(name: "probe \($0)") }
        for loop in loops { loop.start() }
        let loop = loops[0]
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
        server = ServerGroup(
            configuration: ServerConfiguration(
                port: arguments.port, name: "probe", limits: limits),
            router: router, loops: loops, logger: context.logger, metrics: context.metrics)
        guard let asked = arguments.tls else {
            (tls, secured) = (nil, nil)
            return
        }
        let tls = try ServerTLS(
            TLSServerOptions(
                identity: TLSIdentity(chainPath: asked.chainPath, keyPath: asked.keyPath)))
        for warning in tls.current.warnings { Probe.say("ProbeTarget: \(warning)", to: STDERR_FILENO) }
        self.tls = tls
        secured = ServerGroup(
            configuration: ServerConfiguration(
                port: asked.port, name: "probe-tls", limits: limits, tls: tls),
            router: router, loops: loops, logger: context.logger, metrics: context.metrics)
    }

    /// Serves, and returns when a signal came and the requests under way have ended.
    func run() async throws {
        let server = server
        let port = try await server.start()
        let securedPort = try await secured?.start()
        let serving = Task(executorPreference: loop) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for server in [server, secured].compactMap(\.self) {
                    group.addTask(executorPreference: loop) { try await server.run() }
                }
                try await group.waitForAll()
            }
        }
        var onReload: (@Sendable () -> Void)?
        if let tls { onReload = { Self.reload(tls) } }
        ShutdownSignals.install(
            drainLimit: drainLimit, onSignal: { _ in serving.cancel() }, onReload: onReload,
            forced: { _ in })
        if let securedPort { Probe.say("TLS on 127.0.0.1:\(securedPort)", to: STDOUT_FILENO) }
        Probe.say("listening on 127.0.0.1:\(port)", to: STDOUT_FILENO)
        try await serving.value
    }

    private static func reload(_ tls: ServerTLS) {
        do {
            try tls.reload()
            Probe.say("ProbeTarget: certificates reloaded", to: STDERR_FILENO)
        } catch {
            Probe.say("ProbeTarget: the old certificates stay: \(error)", to: STDERR_FILENO)
        }
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
