import Foundation
import Glibc
import NativeServers
import Sockets

extension Commands {
    /// Is this machine ready? One line each; exit 3 when something is missing, 4 for a taken port.
    func doctor() async throws -> ExitCode {
        let (settings, running) = (settings, try stack.file()?.running ?? [])
        let findings = try await Blocking.run { Doctor(settings, running: running).examine() }
        for finding in findings {
            terminal.line("\(finding.remedy == nil ? "ok      " : "problem ") \(finding.text)")
            if let remedy = finding.remedy { terminal.line("         → \(remedy)") }
        }
        return findings.compactMap { $0.remedy == nil ? nil : $0.code }.first ?? .done
    }
}

/// Looks at everything that `up` will need; blocks.
struct Doctor: Sendable {
    struct Finding: Sendable {
        let text: String
        var remedy: String?
        var code = ExitCode.missing
    }

    let settings: StackSettings
    let running: [StackFile.Entry]

    init(_ settings: StackSettings, running: [StackFile.Entry]) {
        self.settings = settings
        self.running = running
    }

    func examine() -> [Finding] {
        [toolchain(), postgres(), program("redis-server", package: "redis-server")]
            + (Account.isRoot ? [program("setpriv", package: "util-linux")] : [])
            + [broker(), tracing()] + programs() + ports() + [stateFolder()]
    }

    private func toolchain() -> Finding {
        let given = settings.environment["SWIFT"] ?? ""
        // SWIFT may name the toolchain's folder as well as the program.
        let swift = given.isEmpty ? find("swift")
            : Command.find("swift", path: "\(given):\(given)/bin:\(given)/usr/bin") ?? given
        guard let swift,
            let outcome = try? Command.run(swift, ["--version"], limit: .seconds(20)),  // Ignored: reported below.
            let line = (outcome.output + outcome.errors).split(separator: "\n")
                .first(where: { $0.contains("Swift version") })
        else {
            return Finding(
                text: "no Swift toolchain on PATH or in $SWIFT (needed to build, not to run)",
                remedy: "see https://www.swift.org/install/linux/")
        }
        return Finding(text: line.trimmingCharacters(in: .whitespaces))
    }

    private func postgres() -> Finding {
        do {
            let found = try PostgresPrograms.find()
            return Finding(text: "PostgreSQL \(found.major) in \(found.folder)")
        } catch {
            return Finding(text: error.message, remedy: "apt-get install postgresql, or: make demo")
        }
    }

    private func find(_ name: String) -> String? {
        Command.find(name, path: settings.environment["PATH"])
    }

    private func program(_ name: String, package: String) -> Finding {
        if let path = find(name) { return Finding(text: "\(name): \(path)") }
        return Finding(
            text: "\(name) is not on PATH", remedy: "apt-get install \(package), or: make demo")
    }

    private func broker() -> Finding {
        switch settings.broker {
        case .external(let servers): return Finding(text: "broker: \(servers), not ours")
        case .dev: return Finding(text: "broker: DevBroker (in memory; set KAFKA_HOME for Kafka)")
        case .kafka(let home):
            guard access(home + "/bin/kafka-server-start.sh", X_OK) == 0 else {
                return Finding(
                    text: "KAFKA_HOME is \(home), which holds no Apache Kafka",
                    remedy: "point KAFKA_HOME at an unpacked Apache Kafka, or unset it")
            }
            guard find("java") != nil else {
                return Finding(
                    text: "Apache Kafka needs Java",
                    remedy: "apt-get install openjdk-17-jre-headless")
            }
            return Finding(text: "broker: Apache Kafka in \(home)")
        }
    }

    /// Optional: without it everything works, and nothing is kept.
    private func tracing() -> Finding {
        Finding(text: settings.tracing.line)
    }

    private func programs() -> [Finding] {
        let names = ["gateway"] + StackPorts.Service.allCases.map(\.program) + ["devbroker"]
        let absent = names.filter { access("\(settings.binaries)/\($0)", X_OK) != 0 }
        guard absent.isEmpty else {
            return [
                Finding(
                    text: "not built in \(settings.binaries): \(absent.joined(separator: ", "))",
                    remedy: "make build")
            ]
        }
        return [Finding(text: "programs: \(settings.binaries)")] + libraries(names)
    }

    /// The dynamic linker's own opinion about the shared libraries of our programs.
    private func libraries(_ names: [String]) -> [Finding] {
        guard let ldd = find("ldd") else { return [] }
        var missing: Set<String> = []
        for name in names {
            // Ignored: without an answer there is nothing to report.
            let outcome = try? Command.run(ldd, ["\(settings.binaries)/\(name)"])
            for line in (outcome?.output ?? "").split(separator: "\n")
            where line.contains("not found") {
                missing.insert(
                    line.trimmingCharacters(in: .whitespaces).split(separator: " ").first
                        .map(String.init) ?? "")
            }
        }
        guard !missing.isEmpty else { return [Finding(text: "shared libraries: all found")] }
        return [
            Finding(
                text: "shared libraries not found: \(missing.sorted().joined(separator: ", "))",
                remedy: "apt-get install librdkafka-dev libpq-dev libhiredis-dev libssl-dev")
        ]
    }

    private func ports() -> [Finding] {
        let ours = Set(running.map(\.launch.port))
        let isRunning = !running.isEmpty
        var wanted = StackPorts.defaults.map(\.key)
        if case .own = settings.tracing {} else {
            wanted.removeAll { key in StackPorts.tracing.contains { $0.0 == key } }
        }
        let taken = wanted.compactMap { key -> Finding? in
            let port = settings.ports[key]
            guard !ours.contains(port), !FreePort.isFree(port) else { return nil }
            // The operations ports of a running stack are its own, too.
            if isRunning, let holder = PortHolder.find(port)?.pid,
                running.contains(where: { $0.process.pid == holder })
            {
                return nil
            }
            let holder = PortHolder.find(port)?.description ?? "an unknown process"
            return Finding(
                text: "port \(port) is in use by \(holder)", remedy: "end it, or set \(key)",
                code: .portInUse)
        }
        guard taken.isEmpty else { return taken }
        return [Finding(text: isRunning ? "ports: held by the running stack" : "ports: all free")]
    }

    private func stateFolder() -> Finding {
        var folder = settings.home
        while access(folder, F_OK) != 0, folder.count > 1 {
            folder = URL(fileURLWithPath: folder).deletingLastPathComponent().path
        }
        guard access(folder, W_OK) == 0 else {
            return Finding(
                text: "the state folder \(settings.home) cannot be written",
                remedy: "set MERCATO_HOME to a folder of yours")
        }
        return Finding(text: "state folder: \(settings.home)")
    }
}
