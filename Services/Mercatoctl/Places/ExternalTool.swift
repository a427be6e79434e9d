package import NativeServers

/// `docker` or `kubectl`: programs of the caller's machine that speak to an engine or a cluster. They
/// get the caller's whole environment, because that is where their contexts and proxies are.
package struct ExternalTool: Sendable {
    package let name: String
    private let environment: [String: String]
    private let interruption: Interruption

    /// For one question; an engine that hangs must not hang us.
    package static let limit = Duration.seconds(20)
    /// Lines of a failed command that are shown.
    private static let shownLines = 5

    package static func docker(
        _ environment: [String: String], _ interruption: Interruption = Interruption()
    ) -> ExternalTool {
        ExternalTool(name: "docker", environment: environment, interruption: interruption)
    }

    package static func kubectl(
        _ environment: [String: String], _ interruption: Interruption = Interruption()
    ) -> ExternalTool {
        ExternalTool(name: "kubectl", environment: environment, interruption: interruption)
    }

    package var path: String? { Command.find(name, path: environment["PATH"]) }

    /// Where the program is; absent: exit 3, with what to do.
    package func found() throws(CommandFailure) -> String {
        if let path { return path }
        let source = name == "docker" ? "https://docs.docker.com/engine/install/"
            : "https://kubernetes.io/docs/tasks/tools/"
        throw CommandFailure(
            .missing, "\(name) is not on PATH",
            details: ["install it (\(source)), or point elsewhere: --on native, or --gateway and --admin"])
    }

    /// Runs it to its end.
    ///
    /// - Returns: what it printed.
    /// - Throws: `CommandFailure` with its own last words when it fails or hangs.
    @discardableResult
    package func run(_ arguments: [String], input: String? = nil, limit: Duration = ExternalTool.limit)
        async throws(CommandFailure) -> String
    {
        let outcome = try await outcome(of: arguments, input: input, limit: limit)
        guard outcome.status == 0 else {
            let said = (outcome.errors.isEmpty ? outcome.output : outcome.errors)
                .split(separator: "\n").suffix(Self.shownLines).map(String.init)
            throw CommandFailure(
                .failed, "\(name) \(arguments.joined(separator: " ")) failed (exit \(outcome.status))",
                details: said)
        }
        return outcome.output
    }

    /// The same, where a failure is an answer too.
    package func outcome(
        of arguments: [String], input: String? = nil, limit: Duration = ExternalTool.limit
    ) async throws(CommandFailure) -> Command.Outcome {
        let (program, environment, interruption) = (try found(), environment, interruption)
        do {
            return try await Blocking.run {
                try Command.run(
                    program, arguments, environment: environment, input: input, limit: limit,
                    interruption: interruption)
            }
        } catch let error as NativeError where error.code == .timedOut {
            throw CommandFailure(
                .failed, "\(name) \(arguments.joined(separator: " ")) has not answered within \(limit)")
        } catch {
            throw StackStarter.failure(error)
        }
    }

    /// Starts it and lets it run: `kubectl port-forward`.
    package func start(_ arguments: [String], log: String, port: Int) async throws(CommandFailure)
        -> ChildProcess
    {
        let launch = Launch(
            name: name, kind: .service, program: try found(), arguments: arguments,
            environment: environment, log: log, port: port, portKey: "", readiness: .connects,
            stopSignal: 15, stopSeconds: 5)
        do {
            return try await Blocking.run { try ChildProcess(launch) }
        } catch {
            throw StackStarter.failure(error)
        }
    }
}
