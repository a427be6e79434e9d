import Foundation
import Glibc
import NativeServers
import Sockets

/// The commands of `mercatoctl`; each returns its exit code or throws a `CommandFailure`.
struct Commands {
    let stack: Stack
    let calls: any HTTPCalls
    let loop: EventLoop
    /// Which running Mercato is meant.
    var place = PlaceOptions()

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
        case .seed: try await seed()
        case .smoke(let seconds): return try await smoke(wait: seconds)
        case .check(let seconds): return try await check(wait: seconds)
        case .showOrder(let id): return try await showOrder(id)
        case .trace(let order): return try await trace(order)
        case .deadLetters(let request, let service):
            return try await deadLetters(request, of: service)
        case .load(let plan): return try await load(plan)
        case .chaos(let request): return try await chaos(request)
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
        terminal.line(try traces())
        terminal.line("mercatoctl status shows its processes, mercatoctl down ends them")
    }

    /// The running stack's own Jaeger, or why there is none.
    func traces() throws -> String {
        guard let jaeger = try stack.file()?.jaegerURL else {
            guard case .own = settings.tracing else { return settings.tracing.line }
            return "no traces are kept: the stack was started without a jaeger on PATH"
        }
        return "traces: \(jaeger)/, or: mercatoctl trace ORDER"
    }

    private func down() async throws {
        let ran = try await stack.down()
        terminal.line(ran ? "Mercato has ended; its data stays in \(settings.home)" : "nothing runs")
    }

    private func clean() async throws {
        _ = try await stack.down()
        // Only what we made: a folder that somebody pointed MERCATO_HOME at may hold other things.
        let folders = ["postgres", "redis", "kafka", "jaeger", "provider", "log", "secrets", "run", "chaos"]
        for folder in folders { try Folders.remove("\(settings.home)/\(folder)") }
        rmdir(settings.home)
        terminal.line("removed the data in \(settings.home)")
    }

    private func seed() async throws {
        let line = try await places().with(.admin) { try await Seed($0.admin(calls)).run() }
        terminal.line(line)
    }

    func places() throws(CommandFailure) -> Places {
        try Places(place, settings: settings, loop: loop, interruption: stack.interruption)
    }

    /// The running stack's addresses win: it may have been started with other ports than ours.
    func publicURL() throws -> String { try stack.file()?.publicURL ?? settings.publicURL }
}
