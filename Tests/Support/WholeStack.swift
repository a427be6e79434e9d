import Foundation
import Glibc
package import Mercatoctl
package import NativeServers
import Synchronization

/// Every process of Mercato on free ports in a scratch folder, driven through `mercatoctl` as a user
/// would drive it.
package final class WholeStack: Sendable {
    package let settings: StackSettings
    private let environment: [String: String]

    package var publicURL: String { settings.publicURL }
    package var adminURL: String { settings.adminURL }

    /// One heavy thing at a time: whole-stack tests of several suites take turns.
    package static func alone<Value: Sendable>(
        _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        try await Turn.shared.take()
        do {
            let value = try await body()
            await Turn.shared.giveBack()
            return value
        } catch {
            await Turn.shared.giveBack()
            throw error
        }
    }

    /// Settings of a stack that is not started: free ports, a folder of its own.
    package init(
        broker: ScratchBroker.Kind = .dev, adding extra: [String: String] = [:]
    ) throws {
        var environment = Launch.baseEnvironment()
        environment["MERCATO_HOME"] = try ScratchFolder.make("stack")
        environment["MERCATO_BROKER"] = broker == .dev ? "dev" : "kafka"
        // One in its own suite is enough.
        environment["MERCATO_JAEGER"] = "off"
        environment["MERCATO_BIN"] = ServiceProcess.binaries()
        environment["KAFKA_HOME"] = ScratchBroker.kafkaHome
        for (key, _) in StackPorts.defaults { environment[key] = String(try FreePort.any()) }
        environment.merge(extra) { _, new in new }
        self.environment = environment
        settings = try StackSettings(environment)
    }

    /// Starts it and fills the shop.
    package static func start(
        broker: ScratchBroker.Kind = .dev, adding extra: [String: String] = [:]
    ) async throws -> WholeStack {
        let stack = try WholeStack(broker: broker, adding: extra)
        try await stack.succeed("up")
        try await stack.succeed("seed")
        return stack
    }

    /// Runs `mercatoctl`; the caller looks at status and output.
    package func mercatoctl(_ arguments: String..., adding extra: [String: String] = [:])
        async throws -> Command.Outcome
    {
        let environment = environment.merging(extra) { _, new in new }
        let outcome = try await Blocking.run {
            try Command.run(
                ServiceProcess.binaries() + "/mercatoctl", arguments, environment: environment,
                limit: .seconds(240))
        }
        for entry in (try StackFile.load(settings.stackFile))?.running ?? [] {
            Watchdog.shared.watch(entry.process)
        }
        return outcome
    }

    private func succeed(_ arguments: String...) async throws {
        let outcome = try await mercatoctl(arguments[0])
        guard outcome.status == 0 else {
            throw StackFailure(
                "mercatoctl \(arguments[0]) ended with \(outcome.status):\n"
                    + outcome.output + outcome.errors)
        }
    }

    package func down() async throws { try await succeed("down") }

    /// The names of the processes, as `mercatoctl status` shows them.
    package func names() throws -> [String] {
        try StackFile.load(settings.stackFile)?.entries.map(\.name) ?? []
    }

    package func process(_ name: String) throws -> ProcessIdentity {
        guard let entry = try StackFile.load(settings.stackFile)?.entry(name) else {
            throw StackFailure("there is no process \(name)")
        }
        return entry.process
    }

    /// How a process was started: program, environment, ports.
    package func launch(_ name: String) throws -> Launch {
        guard let entry = try StackFile.load(settings.stackFile)?.entry(name) else {
            throw StackFailure("there is no process \(name)")
        }
        return entry.launch
    }

    /// kill -9, and the certainty that it is gone.
    package func kill(_ name: String) async throws {
        let process = try process(name)
        process.signal(SIGKILL)
        try await eventually("\(name) is gone", within: .seconds(5)) { !process.isRunning }
    }

    /// Starts one process again, as an operator would.
    package func startAgain(_ name: String) async throws {
        let outcome = try await mercatoctl("start", name)
        guard outcome.status == 0 else {
            throw StackFailure("mercatoctl start \(name): \(outcome.output)\(outcome.errors)")
        }
    }

    /// The checker's verdict; its words when it is not content.
    package func check(wait: Int = 60) async throws -> String? {
        let outcome = try await mercatoctl("check", "--wait", String(wait))
        return outcome.status == 0 ? nil : outcome.output + outcome.errors
    }

    /// The last lines of a service's log, for a failure's message.
    package func logTail(_ name: String, lines: Int = 30) -> String {
        let text = (try? String(contentsOfFile: settings.log(name), encoding: .utf8)) ?? ""  // Ignored: only words for a failure.
        return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }
}

package struct StackFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Hands the machine to one whole-stack test after the other, in order of arrival.
private actor Turn {
    static let shared = Turn()
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, any Error>] = []

    func take() async throws {
        guard isTaken else {
            isTaken = true
            return
        }
        try await withCheckedThrowingContinuation { waiting.append($0) }
    }

    func giveBack() {
        guard !waiting.isEmpty else {
            isTaken = false
            return
        }
        waiting.removeFirst().resume()
    }
}

/// A `mercatoctl` that runs beside the test.
package final class RunningCommand: Sendable {
    package let child: ChildProcess
    private let log: String

    fileprivate init(_ child: ChildProcess, log: String) {
        self.child = child
        self.log = log
    }

    /// What it printed so far.
    package var output: String {
        (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""  // Ignored: nothing printed yet.
    }

    /// Its exit code; a negative number is the signal that ended it.
    package func ended(within limit: Duration) async throws -> Int32 {
        let child = child
        guard let status = try await Blocking.run({ child.waitForExit(within: limit) }) else {
            throw NeverHappened(what: "end of \(child.launch.name)", limit: limit)
        }
        switch status {
        case .code(let code): return code
        case .signal(let signal): return -signal
        }
    }
}

extension WholeStack {
    /// Starts `mercatoctl` and returns at once.
    package func begin(_ arguments: String...) async throws -> RunningCommand {
        let log = try ScratchFolder.make("command") + "/output.log"
        let launch = Launch(
            name: "mercatoctl", kind: .service,
            program: ServiceProcess.binaries() + "/mercatoctl", arguments: arguments,
            environment: environment, log: log, port: 0, portKey: "", readiness: .connects,
            stopSignal: SIGTERM, stopSeconds: 10)
        let child = try await Blocking.run { try ChildProcess(launch) }
        Watchdog.shared.watch(child.identity)
        return RunningCommand(child, log: log)
    }
}
