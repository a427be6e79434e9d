import Foundation
import Glibc
import NativeServers

/// Faults by signals to processes of the running stack, each of them checked by pid and start time
/// first: no other process is ever touched.
package struct NativeBackend: ChaosBackend {
    package let place = PlaceKind.native
    private let stack: Stack
    private let admin: AdminAPI

    /// - Parameter stack: with an interruption that nobody trips, for what was stopped must be
    ///   started again even after Ctrl-C.
    package init(_ stack: Stack, _ admin: AdminAPI) {
        self.stack = stack
        self.admin = admin
    }

    package func obstacle(to fault: ChaosFault) -> String? {
        Self.obstacle(to: fault, broker: stack.settings.broker)
    }

    package static func obstacle(to fault: ChaosFault, broker: StackSettings.Broker) -> String? {
        if case .external = broker, fault.target == .broker {
            return "the broker at KAFKA_BOOTSTRAP_SERVERS is not a process of this stack"
        }
        switch fault.action {
        case .disconnect:
            return "processes of one machine share its network; Compose and Kubernetes can cut one off"
        case .scaleToZero:
            return "there is one process of each and no number to scale; restart stops it here"
        case .pause where fault.target.isDatabase:
            return "PostgreSQL's sessions are processes of their own, which a signal to the server "
                + "does not freeze"
        case .wipe where broker != .dev:
            return "Apache Kafka keeps its log on disk; DevBroker and Compose can lose it"
        case .kill, .pause, .restart, .wipe, .provider:
            return nil
        }
    }

    package func injector(for fault: ChaosFault) async throws -> any FaultInjector {
        if fault.action == .provider { return ProviderInjector(admin, fault) }
        guard let file = try stack.file() else {
            throw CommandFailure(.failed, "the stack is not running; start it with: mercatoctl up")
        }
        guard let entry = file.entry(fault.target.rawValue), entry.process.isRunning else {
            throw CommandFailure(
                .failed, "\(fault.target.rawValue) is not running; see: mercatoctl status")
        }
        return NativeInjector(stack: stack, entry: entry, fault: fault)
    }
}

/// One process of the native stack.
struct NativeInjector: FaultInjector {
    let stack: Stack
    /// As it was before the fault.
    let entry: StackFile.Entry
    let fault: ChaosFault

    private var pid: Int32 { entry.process.pid }

    func strike() async throws -> String {
        switch fault.action {
        case .pause:
            try signal(SIGSTOP)
            return "SIGSTOP to process \(pid)"
        case .restart, .scaleToZero:
            guard await StackStopper.stop(entry) else {
                throw CommandFailure(.failed, "process \(pid) of \(entry.name) did not end")
            }
            return "process \(pid) was asked to end, and did"
        case .kill, .wipe, .disconnect, .provider:
            try signal(SIGKILL)
            return "SIGKILL to process \(pid)"
        }
    }

    /// A server's own process only: PostgreSQL's children notice by themselves that it is gone.
    private func signal(_ number: Int32) throws(CommandFailure) {
        guard entry.process.signal(number) else {
            throw CommandFailure(
                .failed, "process \(pid) of \(entry.name) is not the one that was started")
        }
    }

    func mend() async throws -> String {
        if fault.action == .pause, entry.process.isRunning {
            try signal(SIGCONT)
            let launch = entry.launch
            _ = try await Blocking.run {
                try Interruption().poll(within: .seconds(30), every: .milliseconds(50)) {
                    launch.answersNow()
                }
            }
            return "SIGCONT to process \(pid)"
        }
        if let now = try stack.file()?.entry(entry.name), now.process.isRunning {
            return "process \(now.process.pid) runs"
        }
        try await stack.start(entry.name)
        let started = try stack.file()?.entry(entry.name)?.process.pid
        return "mercatoctl start \(entry.name)" + (started.map { ": process \($0)" } ?? "")
    }

    func look() async -> [Sighting] {
        let (path, before, fault) = (stack.settings.stackFile, entry, fault)
        // Ignored: the closure does not throw.
        return (try? await Blocking.run { Self.look(path, before, fault) }) ?? []
    }

    /// Asks /proc and the port; blocks for at most a second.
    private static func look(_ path: String, _ before: StackFile.Entry, _ fault: ChaosFault)
        -> [Sighting]
    {
        // Ignored: while the file is being written the process known before has to do.
        let now = (try? StackFile.load(path))?.entry(before.name) ?? before
        let process = now.process
        let state: (text: String, proves: Bool) =
            if !process.isRunning {
                ("\(process.pid) is gone", fault.action != .pause)
            } else if process.isStopped {
                ("\(process.pid) is stopped (T)", fault.action == .pause)
            } else {
                ("\(process.pid) runs", false)
            }
        let answers = now.launch.answersNow()
        return [
            Sighting("/proc, process of \(before.name)", state.text, provesFault: state.proves),
            Sighting(
                "port \(before.launch.port)", answers ? "answers" : "does not answer",
                provesFault: !answers),
        ] + epoch(path, fault)
    }

    /// A broker that lost its log makes every service begin a new epoch (D9).
    private static func epoch(_ path: String, _ fault: ChaosFault) -> [Sighting] {
        guard fault.target == .broker,
            let order = (try? StackFile.load(path))?.entry("order"),  // Ignored: asked again soon.
            case .answers(let port, _) = order.launch.readiness,
            let metrics = SocketProbe.status(port: port, path: "/metrics")?.body,
            let line = metrics.split(separator: "\n").first(where: {
                $0.hasPrefix("broker_epoch") && !$0.hasPrefix("#")
            }), let value = line.split(separator: " ").last
        else { return [] }
        return [Sighting("order's broker epoch", String(value))]
    }
}
