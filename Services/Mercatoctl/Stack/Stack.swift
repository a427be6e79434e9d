import Foundation
package import NativeServers

/// The stack on this machine, as the commands see it.
package struct Stack: Sendable {
    package let settings: StackSettings
    package let terminal: Terminal
    package let interruption: Interruption

    package init(_ settings: StackSettings, terminal: Terminal, interruption: Interruption) {
        self.settings = settings
        self.terminal = terminal
        self.interruption = interruption
    }

    package func file() throws(CommandFailure) -> StackFile? {
        try StackFile.load(settings.stackFile)
    }

    /// What `up` found and did.
    package enum Start: Sendable {
        case ranAlready
        /// Some processes ran before: the stack is not the caller's alone.
        case completed
        case startedAll
    }

    /// Brings up what is not running.
    package func up() async throws(CommandFailure) -> Start {
        let lock = try await locked()
        defer { withExtendedLifetime(lock) {} }
        var file = try file() ?? StackFile(
            publicURL: settings.publicURL, adminURL: settings.adminURL)
        let before = file.running.count
        file.entries = file.running
        var plan: StackPlan
        do { plan = try StackPlan(settings) } catch { throw StackStarter.failure(error) }
        if before > 0, file.jaegerURL == nil { plan = plan.without("jaeger") }
        if plan.steps.allSatisfy({ file.entry($0.launch.name) != nil }) { return .ranAlready }
        if before == 0 {
            file = StackFile(publicURL: settings.publicURL, adminURL: settings.adminURL)
            if case .own = settings.tracing { file.jaegerURL = settings.jaegerURL }
        } else {
            terminal.line("the stack runs in part; starting what is missing")
        }
        let progress = Progress(terminal)
        progress.line("starting Mercato in \(settings.home)")
        let starter = StackStarter(
            settings, file: file, interruption: interruption, progress: progress)
        try await starter.start(plan)
        return before == 0 ? .startedAll : .completed
    }

    /// Ends everything; keeps the data.
    ///
    /// - Returns: whether anything ran.
    package func down(patient: Interruption? = nil) async throws(CommandFailure) -> Bool {
        guard FileManager.default.fileExists(atPath: settings.stackFile) else { return false }
        let lock = try await locked(patient)
        defer { withExtendedLifetime(lock) {} }
        guard let file = try file() else { return false }
        let running = file.running
        let stubborn = await StackStopper.stop(running, progress: Progress(terminal))
        guard stubborn.isEmpty else {
            throw CommandFailure(.failed, "did not end: \(stubborn.joined(separator: ", "))")
        }
        do { try Folders.remove(settings.stackFile) } catch { throw StackStarter.failure(error) }
        return !running.isEmpty
    }

    /// Ends one process and forgets nothing about how it was started.
    package func stop(_ name: String) async throws(CommandFailure) {
        let lock = try await locked()
        defer { withExtendedLifetime(lock) {} }
        let entry = try find(name)
        guard await StackStopper.stop(entry) else {
            throw CommandFailure(.failed, "\(entry.name) did not end")
        }
    }

    /// Starts one process of the stack again, exactly as `up` did.
    package func start(_ name: String) async throws(CommandFailure) {
        let lock = try await locked()
        defer { withExtendedLifetime(lock) {} }
        let entry = try find(name)
        guard !entry.process.isRunning else {
            throw CommandFailure(.failed, "\(entry.name) runs already (pid \(entry.process.pid))")
        }
        // The kernel frees the port of a killed server with its last thread, a moment later.
        let port = entry.launch.port
        let isFree = try? await Blocking.run { [interruption] in  // Ignored: interrupted is not free.
            try interruption.poll(within: .seconds(3)) { FreePort.isFree(port) }
        }
        guard isFree == true else {
            if interruption.isTripped { throw CommandFailure(.interrupted, "interrupted") }
            throw StackStarter.portInUse(
                entry.launch.port, entry.launch.portKey, for: entry.name)
        }
        let (path, interruption) = (settings.stackFile, interruption)
        do {
            try await Blocking.run {
                try Self.restart(entry.launch, recordedIn: path, interruption: interruption)
            }
        } catch {
            throw StackStarter.failure(error)
        }
    }

    /// PostgreSQL refuses to start for a moment after its postmaster was killed, until the last of
    /// its children has noticed; so an early end is tried again.
    private static func restart(
        _ launch: Launch, recordedIn path: String, interruption: Interruption
    ) throws {
        let patienceEnds = ContinuousClock.now + .seconds(launch.kind == .postgres ? 10 : 0)
        while true {
            let child = try ChildProcess(launch)
            if var file = try StackFile.load(path) {
                file.record(StackFile.Entry(launch: launch, process: child.identity))
                try file.save(path)
            }
            do {
                return try child.waitUntilReady(within: .seconds(60), interruption: interruption)
            } catch {
                guard error.code == .exited, ContinuousClock.now < patienceEnds else { throw error }
                _ = try interruption.poll(within: .milliseconds(200)) { false }
            }
        }
    }

    private func find(_ name: String) throws(CommandFailure) -> StackFile.Entry {
        guard let file = try file() else {
            throw CommandFailure(.failed, "the stack is not running; start it with: mercatoctl up")
        }
        guard let entry = file.entry(name) else {
            let names = file.entries.map(\.name).joined(separator: ", ")
            throw CommandFailure(.usage, "there is no process \"\(name)\"; there are: \(names)")
        }
        return entry
    }

    private func locked(_ patient: Interruption? = nil) async throws(CommandFailure) -> StackLock {
        let (path, terminal) = (settings.lockFile, terminal)
        let interruption = patient ?? interruption
        do {
            try Folders.make(settings.home, mode: Account.isRoot ? 0o755 : 0o700)
            try Folders.make(settings.runFolder, mode: 0o700)
            return try await Blocking.run {
                try StackLock.acquire(path, interruption: interruption) {
                    terminal.line("another mercatoctl is changing the stack; waiting for it")
                }
            }
        } catch {
            throw StackStarter.failure(error)
        }
    }
}
