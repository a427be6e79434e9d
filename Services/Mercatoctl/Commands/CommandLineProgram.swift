import Basics
import Foundation
import Glibc
import NativeServers
import Sockets
import Telemetry

/// `mercatoctl`: reads the command line, runs the command on an event loop, and ends with its code.
///
/// The main thread only waits for signals. The first Ctrl-C trips the interruption that every wait
/// looks at and cancels the command, which then cleans up; later ones change nothing, because an
/// interrupted cleanup would leave processes behind.
package enum CommandLineProgram {
    package static func main(
        _ words: [String] = Array(CommandLine.arguments.dropFirst()),
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> Never {
        Signals.block()
        let terminal = Terminal.standard
        let interruption = Interruption()
        let loop: EventLoop
        do {
            loop = try EventLoop(name: "mercatoctl")
        } catch {
            terminal.error("mercatoctl: \(error)")
            exit(ExitCode.failed.rawValue)
        }
        loop.start()
        // Reason: the root task of the program; nothing outlives it.
        let command = Task(executorPreference: loop) {
            let code = await run(
                words, environment: environment, terminal: terminal, interruption: interruption,
                loop: loop)
            exit(code.rawValue)
        }
        Signals.forward { _ in
            interruption.trip()
            command.cancel()
        }
    }

    private static func run(
        _ words: [String], environment: [String: String], terminal: Terminal,
        interruption: Interruption, loop: EventLoop
    ) async -> ExitCode {
        do {
            let invocation = try Arguments.parse(words)
            if invocation.request == .help {
                terminal.line(Arguments.usage)
                return .done
            }
            let settings = try StackSettings(environment)
            let commands = Commands(
                stack: Stack(settings, terminal: terminal, interruption: interruption),
                calls: ClientCalls(loop: loop), loop: loop, place: invocation.place)
            return try await commands.run(invocation.request)
        } catch let error as UsageError {
            terminal.error("mercatoctl: \(error.message)")
            terminal.error(error.hint)
            return .usage
        } catch {
            return report(error, terminal, interruption)
        }
    }

    private static func report(
        _ error: any Error, _ terminal: Terminal, _ interruption: Interruption
    ) -> ExitCode {
        // Whatever a cancelled wait reports, the reason is the key that was pressed.
        if interruption.isTripped {
            terminal.error("mercatoctl: interrupted")
            return .interrupted
        }
        let failure = StackStarter.failure(error)
        terminal.error("mercatoctl: \(failure.message)")
        for line in failure.details { terminal.error("  \(line)") }
        return failure.code
    }
}
