import Basics
import Foundation
import Glibc
import NativeServers
import Sockets

extension Commands {
    /// Starts the stack unless it runs, seeds, and walks through three orders. Stays up until Ctrl-C
    /// at a terminal; otherwise, and with `ONCE=1`, ends what it started.
    ///
    /// Pointed at a place, it only walks there.
    func demo(once: Bool) async throws -> ExitCode {
        let given = try places().options
        let isElsewhere = given.on.map { $0 != .native } ?? (given.gateway != nil || given.admin != nil)
        if isElsewhere {
            return try await places().with(.all) { try await walk($0) } ? .done : .failed
        }
        let once = once || ["1", "true", "yes"].contains(settings.environment["ONCE"] ?? "")
        let start = try await stack.up()
        let startedHere = start == .startedAll
        if start == .ranAlready { terminal.line("Mercato is running already; only walking") }
        do {
            let passed = try await places().with(.all) { try await walk($0) }
            let stays = startedHere && !once && Terminal.isInteractive
            try whereToLook(stays: stays || !startedHere)
            if stays { await untilInterrupted() }
            if startedHere { try await end() }
            if stack.interruption.isTripped { return .interrupted }
            return passed ? .done : .failed
        } catch {
            // Also after Ctrl-C: what this demo started ends with it.
            if startedHere { try await end() }
            throw error
        }
    }

    private func walk(_ place: Place) async throws -> Bool {
        terminal.line()
        terminal.line(try await Seed(place.admin(calls)).run())
        var passed = true
        for (index, scenario) in DemoScenario.all.enumerated() {
            try stack.interruption.check()
            let walk = DemoWalk(
                scenario: scenario, url: place.gatewayURL, calls: calls, loop: loop,
                terminal: terminal, jaegerURL: pages(place.jaegerURL))
            terminal.line()
            terminal.line("\(index + 1). \(scenario.title)")
            let outcome = try await walk.run()
            terminal.line("   \(outcome.text)")
            passed = passed && outcome.asExpected
        }
        terminal.line()
        terminal.line(
            passed ? "three orders, three outcomes, all as expected"
                : "NOT as expected: see the lines marked with !!")
        return passed
    }

    private func whereToLook(stays: Bool) throws {
        terminal.line()
        if stays {
            terminal.line("shop         \(settings.publicURL)/")
            terminal.line("admin        \(settings.adminURL)/admin/status")
            terminal.line(try traces())
        }
        terminal.line("logs         \(settings.home)/log")
        if stays {
            terminal.line("one order    \(CommandNames.own) order show <id>")
            terminal.line("invariants   \(CommandNames.own) check")
            terminal.line("processes    \(CommandNames.own) status")
        } else {
            terminal.line("to keep it running: \(CommandNames.own) up   (make native-up)")
        }
    }

    private func untilInterrupted() async {
        terminal.line()
        terminal.line("Mercato stays up; Ctrl-C ends it (the data is kept)")
        while !stack.interruption.isTripped {
            // Ignored: cancellation is what ends the wait.
            guard (try? await loop.sleep(for: .seconds(3_600))) != nil else { break }
        }
        terminal.line()
    }

    /// Ends the stack even when Ctrl-C was pressed: this wait must not be interrupted.
    private func end() async throws {
        _ = try await stack.down(patient: Interruption())
        terminal.line("Mercato has ended; its data stays in \(settings.home)")
    }
}

/// How people call this program from where they are.
enum CommandNames {
    /// In a container the path of the program is nobody's command: `MERCATO_COMMAND` says how it is run.
    static var own: String {
        let named = ProcessInfo.processInfo.environment["MERCATO_COMMAND"] ?? ""
        if !named.isEmpty { return named }
        let path = CommandLine.arguments.first ?? "mercatoctl"
        let here = FileManager.default.currentDirectoryPath + "/"
        return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
    }
}
