import Foundation
package import NativeServers
import Sockets
import Synchronization

/// Brings the stack up: group by group, side by side within a group, and takes back what it started
/// when anything fails or Ctrl-C is pressed.
package final class StackStarter: Sendable {
    private let settings: StackSettings
    private let interruption: Interruption
    private let progress: Progress
    private let file: Mutex<StackFile>
    private let started = Mutex<[StackFile.Entry]>([])

    package init(
        _ settings: StackSettings, file: StackFile, interruption: Interruption, progress: Progress
    ) {
        self.settings = settings
        self.interruption = interruption
        self.progress = progress
        self.file = Mutex(file)
    }

    /// Starts every step that is not running yet.
    ///
    /// - Throws: `CommandFailure` with the exit code of the cause; nothing that this call started is
    ///   left running then.
    package func start(_ plan: StackPlan) async throws(CommandFailure) {
        do {
            try refuseTakenPorts(plan)
            for group in plan.groups { try await start(group) }
            try await settle(plan)
        } catch {
            await takeBack()
            throw Self.failure(error)
        }
    }

    /// Checked before anything starts, so a taken port costs no time and changes nothing.
    private func refuseTakenPorts(_ plan: StackPlan) throws(CommandFailure) {
        for step in plan.steps where !isRunning(step.launch.name) {
            for (key, port) in step.ports where !FreePort.isFree(port) {
                throw Self.portInUse(port, key, for: step.launch.name)
            }
        }
    }

    package static func portInUse(_ port: Int, _ key: String, for name: String) -> CommandFailure {
        let holder = PortHolder.find(port)?.description ?? "a process that cannot be seen from here"
        return CommandFailure(
            .portInUse, "port \(port) for \(name) is in use by \(holder)",
            details: ["end that process, or choose another port with \(key)=<port>"])
    }

    private func isRunning(_ name: String) -> Bool {
        file.withLock { $0.entry(name)?.process.isRunning ?? false }
    }

    private func start(_ group: StartGroup) async throws {
        let steps = group.steps.filter { !isRunning($0.launch.name) }
        guard !steps.isEmpty else { return }
        // The first failure of a group ends the waits of its siblings.
        let together = Interruption(parent: interruption)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for step in steps {
                tasks.addTask {
                    try await Blocking.run { try self.run(step, together) }
                }
            }
            do {
                try await tasks.waitForAll()
            } catch {
                together.trip()
                throw error
            }
        }
        let finish = group.finish
        try await Blocking.run { try finish(together) }
        progress.line("\(group.title) ready: \(steps.map(\.launch.name).joined(separator: ", "))")
    }

    /// One process, on a thread of its own.
    private func run(_ step: StartStep, _ interruption: Interruption) throws {
        try interruption.check()
        try step.prepare(interruption)
        try interruption.check()
        let child = try ChildProcess(step.launch)
        let entry = StackFile.Entry(launch: step.launch, process: child.identity)
        started.withLock { $0.append(entry) }
        // Written at once: even if we are killed now, `down` knows about it.
        try file.withLock { file in
            file.record(entry)
            try file.save(settings.stackFile)
        }
        try child.waitUntilReady(within: step.readyWithin, interruption: interruption)
        try step.finish(interruption)
    }

    /// A service is ready before it has found its broker (it says so as "degraded"); orders would wait
    /// for that, so we wait first. A broker that stays away is a warning: the stack serves without.
    private func settle(_ plan: StackPlan) async throws {
        let services = plan.steps.map(\.launch).filter { $0.kind == .service }
        let interruption = interruption
        let degraded = try await Blocking.run { () throws(NativeError) -> [String] in
            var waiting = services
            _ = try interruption.poll(within: .seconds(15), every: .milliseconds(100)) {
                waiting.removeAll { !$0.isDegraded() }
                return waiting.isEmpty
            }
            return waiting.map(\.name)
        }
        guard !degraded.isEmpty else { return }
        progress.line("ready, but degraded: \(degraded.joined(separator: ", ")); see mercatoctl status")
    }

    private func takeBack() async {
        let mine = started.withLock { $0 }
        guard !mine.isEmpty else { return }
        progress.line("ending what was started")
        await StackStopper.stop(mine, progress: nil)
        // Ignored: the processes have ended; a stale file is recognised by their identities.
        try? file.withLock { file in
            file.entries.removeAll { entry in mine.contains { $0.process == entry.process } }
            if file.running.isEmpty {
                try Folders.remove(settings.stackFile)
            } else {
                try file.save(settings.stackFile)
            }
        }
    }

    package static func failure(_ error: any Error) -> CommandFailure {
        if let known = error as? CommandFailure { return known }
        guard let native = error as? NativeError else {
            return CommandFailure(.failed, "\(error)")
        }
        let code: ExitCode =
            switch native.code {
            case .missing: .missing
            case .portInUse: .portInUse
            case .interrupted: .interrupted
            case .spawn, .exited, .timedOut, .command, .file: .startFailed
            }
        return CommandFailure(code, native.message, details: native.logTail)
    }
}
