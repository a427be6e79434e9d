import Foundation
import Glibc
import NativeServers
import Support
import Testing

@testable import Mercatoctl

/// `mercatoctl doctor` on a machine of a few scripts: what is missing is on no PATH.
@Suite struct DoctorTests {
    private let folder: String

    init() throws {
        folder = try ScratchFolder.make("doctor")
        try Folders.make(folder + "/bin")
        try Folders.make(folder + "/built")
    }

    /// A program on the fake machine.
    private func program(_ path: String, _ script: String = "exit 0") throws {
        let file = "\(folder)/\(path)"
        try "#!/bin/sh\n\(script)\n".write(toFile: file, atomically: false, encoding: .utf8)
        chmod(file, 0o755)
    }

    /// Everything that a sound machine has; PostgreSQL is this machine's own.
    private func soundMachine() throws {
        try program("bin/swift", "echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)'")
        for name in ["redis-server", "setpriv", "ldd"] { try program("bin/\(name)") }
        let services = ["gateway"] + StackPorts.Service.allCases.map(\.program) + ["devbroker"]
        for name in services { try program("built/\(name)") }
    }

    /// The fake machine with free ports, and `changes` to the environment.
    private func settings(_ changes: [String: String] = [:]) throws -> StackSettings {
        var environment = [
            "PATH": folder + "/bin", "MERCATO_BIN": folder + "/built", "MERCATO_HOME": folder,
            "MERCATO_BROKER": "dev",
        ]
        for (key, _) in StackPorts.defaults { environment[key] = String(try FreePort.any()) }
        return try StackSettings(environment.merging(changes) { _, new in new })
    }

    private func findings(_ changes: [String: String] = [:]) throws -> [Doctor.Finding] {
        Doctor(try settings(changes), running: []).examine()
    }

    private func problem(_ findings: [Doctor.Finding], _ text: String) -> Doctor.Finding? {
        findings.first { $0.remedy != nil && $0.text.contains(text) }
    }

    @Test func `a sound machine has no problem, and each line says what was found`() throws {
        try soundMachine()
        let findings = try findings()
        #expect(findings.filter { $0.remedy != nil }.map(\.text) == [])
        let text = findings.map(\.text).joined(separator: "\n")
        for part in [
            "Swift version 6.3.1", "PostgreSQL", "redis-server: \(folder)/bin", "DevBroker",
            "programs: \(folder)/built", "shared libraries: all found", "ports: all free",
            "state folder: \(folder)",
        ] {
            #expect(text.contains(part))
        }
    }

    @Test func `a missing toolchain and a missing Redis are named with their remedy`() throws {
        try soundMachine()
        for name in ["swift", "redis-server"] { unlink("\(folder)/bin/\(name)") }
        let findings = try findings()
        #expect(problem(findings, "no Swift toolchain")?.remedy?.contains("swift.org") == true)
        #expect(
            problem(findings, "redis-server is not on PATH")?.remedy?
                .contains("apt-get install redis-server") == true)
        #expect(findings.allSatisfy { $0.remedy == nil || $0.code == .missing })
    }

    @Test func `a toolchain is found by its folder, too`() throws {
        try soundMachine()
        unlink(folder + "/bin/swift")
        try Folders.make(folder + "/toolchain/usr/bin")
        try program("toolchain/usr/bin/swift", "echo 'Swift version 6.3.1'")
        let findings = try findings(["SWIFT": folder + "/toolchain"])
        #expect(problem(findings, "Swift") == nil)
    }

    @Test func `a missing shared library is named once, with the packages`() throws {
        try soundMachine()
        try program("bin/ldd", "echo '\tlibrdkafka.so.1 => not found'")
        let finding = problem(try findings(), "shared libraries not found")
        #expect(finding?.text == "shared libraries not found: librdkafka.so.1")
        #expect(finding?.remedy?.contains("librdkafka-dev") == true)
    }

    @Test func `programs that were not built are named`() throws {
        try soundMachine()
        unlink(folder + "/built/cart")
        let finding = problem(try findings(), "not built")
        #expect(finding?.text.hasSuffix(": cart") == true)
        #expect(finding?.remedy == "make build")
    }

    @Test func `a taken port is named with its holder and its key, and is exit code 4`() async throws {
        try soundMachine()
        let port = try await ScratchRedis.shared.port()
        let findings = try findings(["MERCATO_PORT_ORDER": String(port)])
        let finding = try #require(problem(findings, "port \(port)"))
        #expect(finding.text.contains("redis-server (pid "))
        #expect(finding.remedy?.contains("MERCATO_PORT_ORDER") == true)
        #expect(finding.code == .portInUse)
    }

    @Test func `a KAFKA_HOME without a Kafka is named`() throws {
        try soundMachine()
        let changes = ["MERCATO_BROKER": "kafka", "KAFKA_HOME": folder + "/nothing"]
        let finding = problem(try findings(changes), "holds no Apache Kafka")
        #expect(finding?.remedy?.contains("KAFKA_HOME") == true)
    }

    @Test func `the command prints a line each, the remedy below, and the first problem's code`()
        async throws
    {
        try soundMachine()
        unlink(folder + "/bin/redis-server")
        let output = Output()
        let settings = try settings()
        let code = try await TestLoop.run { loop in
            try await Commands(
                stack: Stack(settings, terminal: output.terminal, interruption: Interruption()),
                calls: FakeShop(), loop: loop
            ).run(.doctor)
        }
        #expect(code == .missing)
        let lines = output.lines
        let line = try #require(lines.firstIndex { $0.hasPrefix("problem  redis-server") })
        #expect(lines[line + 1].hasPrefix("         → apt-get install redis-server"))
        #expect(lines.filter { $0.hasPrefix("problem") }.count == 1)
        #expect(lines.contains { $0.hasPrefix("ok       Swift version") })
    }
}
