import Basics
import Foundation
import Glibc
import NativeServers
import Sockets

/// The commands of `mercatoctl`; each returns its exit code or throws a `CommandFailure`.
struct Commands {
    let stack: Stack
    let calls: any HTTPCalls
    let loop: EventLoop

    var terminal: Terminal { stack.terminal }
    var settings: StackSettings { stack.settings }

    func run(_ request: Request) async throws -> ExitCode {
        switch request {
        case .help: terminal.line(Arguments.usage)
        case .up: try await up()
        case .down: try await down()
        case .clean: try await clean()
        case .status: return try await status()
        case .doctor: return try await doctor()
        case .demo(let once): return try await demo(once: once)
        case .seed(let url): terminal.line(try await Seed(try admin(url)).run())
        case .check(let seconds, let url): return try await check(wait: seconds, admin: url)
        case .showOrder(let id, let url): return try await showOrder(id, admin: url)
        case .start(let name):
            try await stack.start(name)
            terminal.line("\(name) is up")
        case .stop(let name):
            try await stack.stop(name)
            terminal.line("\(name) has ended")
        case .restart(let name):
            try await stack.stop(name)
            try await stack.start(name)
            terminal.line("\(name) is up again")
        }
        return .done
    }

    private func up() async throws {
        let began = ContinuousClock.now
        if try await stack.up() != .ranAlready {
            let seconds = Progress.seconds(ContinuousClock.now - began)
                .trimmingCharacters(in: .whitespaces)
            terminal.line("Mercato is up after \(seconds) s: \(settings.publicURL)/")
        } else {
            terminal.line("Mercato is running already: \(try publicURL())/")
        }
        terminal.line("mercatoctl status shows its processes, mercatoctl down ends them")
    }

    private func down() async throws {
        let ran = try await stack.down()
        terminal.line(ran ? "Mercato has ended; its data stays in \(settings.home)" : "nothing runs")
    }

    private func clean() async throws {
        _ = try await stack.down()
        // Only what we made: a folder that somebody pointed MERCATO_HOME at may hold other things.
        let folders = ["postgres", "redis", "kafka", "provider", "log", "secrets", "run"]
        for folder in folders { try Folders.remove("\(settings.home)/\(folder)") }
        rmdir(settings.home)
        terminal.line("removed the data in \(settings.home)")
    }

    /// The running stack's addresses win: it may have been started with other ports than ours.
    func publicURL() throws -> String { try stack.file()?.publicURL ?? settings.publicURL }

    func admin(_ url: String?) throws -> AdminAPI {
        let known = try stack.file()?.adminURL ?? settings.adminURL
        return AdminAPI(url: url ?? known, calls: calls, token: try token())
    }

    private func token() throws -> Secret<String>? {
        guard let path = settings.environment["MERCATO_ADMIN_TOKEN_FILE"], !path.isEmpty else {
            return nil
        }
        guard let text = Folders.text(of: path) else {
            throw CommandFailure(.usage, "MERCATO_ADMIN_TOKEN_FILE: cannot read \(path)")
        }
        return Secret(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
