import Foundation
import Glibc
import NativeServers
import Support
import Testing

@testable import Mercatoctl

/// Starts real processes (Redis as the sound server, a shell as the broken one) in a scratch home.
@Suite struct StackStarterTests {
    private let settings: StackSettings
    private let output = Output()
    private let interruption = Interruption()

    init() throws {
        let home = try ScratchFolder.make("home")
        for folder in ["run", "log", "redis"] { try Folders.make("\(home)/\(folder)") }
        settings = try StackSettings(["MERCATO_HOME": home])
    }

    private func redis(_ name: String = "redis") throws -> StartStep {
        StartStep(
            try RedisServer.launch(
                name: name, port: FreePort.any(), portKey: "MERCATO_PORT_REDIS",
                folder: settings.home + "/redis", log: settings.log(name)))
    }

    private func shell(_ script: String) throws -> StartStep {
        StartStep(
            Launch(
                name: "order", kind: .service, program: "/bin/sh", arguments: ["-c", script],
                environment: Launch.baseEnvironment(), log: settings.log("order"),
                port: try FreePort.any(), portKey: "MERCATO_PORT_ORDER", readiness: .connects,
                stopSignal: SIGTERM, stopSeconds: 2))
    }

    private func start(_ groups: [[StartStep]], file: StackFile? = nil) async throws {
        let starter = StackStarter(
            settings, file: file ?? StackFile(publicURL: "x", adminURL: "y"),
            interruption: interruption, progress: Progress(output.terminal))
        try await starter.start(
            StackPlan(groups: groups.map { StartGroup(title: "group", steps: $0) }))
    }

    private func stackFile() throws -> StackFile? { try StackFile.load(settings.stackFile) }

    @Test func `what was started is on file, and is ended in order`() async throws {
        try await start([[try redis("one"), try redis("two")]])
        let file = try #require(try stackFile())
        for entry in file.entries { Watchdog.shared.watch(entry.process) }
        #expect(Set(file.running.map(\.name)) == ["one", "two"])
        #expect(await StackStopper.stop(file.entries, progress: nil).isEmpty)
        #expect(file.running.isEmpty)
    }

    @Test func `a start that fails shows the culprit's last lines and leaves nothing`() async throws {
        let sound = try redis()
        let port = sound.launch.port
        let failure = await #expect(throws: CommandFailure.self) {
            try await start([[sound], [try shell("echo the disk is full; exit 9")]])
        }
        #expect(failure?.code == .startFailed)
        #expect(failure?.message.contains("order") == true)
        #expect(failure?.details == ["the disk is full"])
        #expect(FreePort.isFree(port))
        #expect(try stackFile() == nil)
    }

    @Test func `a taken port is named with its holder before anything starts`() async throws {
        let holder = try await RunningRedis.start()
        var step = try redis()
        step.otherPorts = [("MERCATO_PORT_X_OPS", holder.port)]
        let failure = await #expect(throws: CommandFailure.self) {
            try await start([[try redis("first")], [step]])
        }
        #expect(failure?.code == .portInUse)
        #expect(failure?.message.contains("port \(holder.port) for redis is in use by redis-server") == true)
        #expect(failure?.details.first?.contains("MERCATO_PORT_X_OPS") == true)
        #expect(try stackFile() == nil)
        try await holder.stop()
    }

    @Test func `an interruption during the start leaves nothing`() async throws {
        let (sound, interruption, path) = (try redis(), interruption, settings.stackFile)
        let port = sound.launch.port
        async let outcome: Void = start([[sound], [try shell("exec sleep 60")]])
        try await eventually("the second process is on file") {
            try StackFile.load(path)?.entries.count == 2
        }
        interruption.trip()
        do {
            try await outcome
            Issue.record("an interrupted start must not succeed")
        } catch {
            #expect((error as? CommandFailure)?.code == .interrupted)
        }
        #expect(FreePort.isFree(port))
        #expect(try stackFile() == nil)
    }

    @Test func `a failed start leaves alone what ran before`() async throws {
        try await start([[try redis("before")]])
        let before = try #require(try stackFile())
        for entry in before.entries { Watchdog.shared.watch(entry.process) }
        await #expect(throws: CommandFailure.self) {
            try await start([[try shell("exit 1")]], file: before)
        }
        #expect(try stackFile()?.running.map(\.name) == ["before"])
        await StackStopper.stop(before.entries, progress: nil)
    }
}
