import Foundation
import Glibc
import Sockets
import Support
import Testing

@testable import NativeServers

@Suite struct ProcessIdentityTests {
    @Test func `a process is recognised by its start time, not by its number alone`() throws {
        let own = try #require(ProcessIdentity(of: getpid()))
        #expect(own.isRunning)
        let impostor = ProcessIdentity(pid: own.pid, startTicks: own.startTicks + 1)
        #expect(!impostor.isRunning)
        // Signal 0 would reach any process of that number.
        #expect(!impostor.signal(0))
        #expect(own.signal(0))
    }

    @Test func `a number without a process is nobody`() {
        #expect(ProcessIdentity(of: 4_194_304) == nil)
    }

    @Test func `memory is read of a running process only`() throws {
        let own = try #require(ProcessIdentity(of: getpid()))
        #expect((own.residentBytes ?? 0) > 1_000_000)
        #expect(ProcessIdentity(pid: own.pid, startTicks: 1).residentBytes == nil)
    }
}

@Suite struct PortTests {
    @Test func `free ports differ, and are free`() throws {
        let ports = try (0..<20).map { _ in try FreePort.any() }
        #expect(Set(ports).count == ports.count)
        #expect(FreePort.isFree(ports[0]))
    }

    @Test func `the holder of a port is named`() async throws {
        let port = try await ScratchRedis.shared.port()
        let holder = try #require(PortHolder.find(port))
        #expect(holder.name == "redis-server")
        #expect(holder.description == "redis-server (pid \(holder.pid ?? 0))")
        #expect(!FreePort.isFree(port))
        #expect(PortHolder.find(1) == nil)
    }
}

@Suite struct CommandTests {
    @Test func `output, errors and status of a program come back`() throws {
        let outcome = try Command.run(
            "/bin/sh", ["-c", "cat; echo oops >&2; exit 3"], input: "hello")
        #expect(outcome.status == 3)
        #expect(outcome.output == "hello")
        #expect(outcome.errors == "oops\n")
    }

    @Test func `a program that hangs is ended at its limit`() {
        let error = #expect(throws: NativeError.self) {
            try Command.run("/bin/sh", ["-c", "sleep 60"], limit: .milliseconds(50))
        }
        #expect(error?.code == .timedOut)
    }

    @Test func `a program that does not exist is missing`() {
        let error = #expect(throws: NativeError.self) { try Command.run("/nowhere/at-all", []) }
        #expect(error?.code == .missing)
    }

    @Test func `an interruption ends the wait, of a child switch too`() {
        let parent = Interruption()
        let child = Interruption(parent: parent)
        parent.trip()
        let error = #expect(throws: NativeError.self) {
            try Command.run("/bin/sh", ["-c", "sleep 60"], interruption: child)
        }
        #expect(error?.code == .interrupted)
    }
}

@Suite struct ChildProcessTests {
    private func launch(_ script: String) throws -> Launch {
        let folder = try ScratchFolder.make("child")
        return Launch(
            name: "child", kind: .service, program: "/bin/sh", arguments: ["-c", script],
            environment: Launch.baseEnvironment(), log: folder + "/child.log",
            port: try FreePort.any(), portKey: "MERCATO_PORT_TEST", readiness: .connects,
            stopSignal: SIGTERM, stopSeconds: 1)
    }

    private func start(_ launch: Launch) throws -> ChildProcess {
        let child = try ChildProcess(launch)
        Watchdog.shared.watch(child.identity)
        return child
    }

    @Test func `a server that ends while starting is reported with its last lines`() throws {
        let child = try start(try launch("echo no database here; exit 7"))
        let error = #expect(throws: NativeError.self) {
            try child.waitUntilReady(within: .seconds(10))
        }
        #expect(error?.code == .exited)
        #expect(error?.message.contains("exit code 7") == true)
        #expect(error?.logTail == ["no database here"])
    }

    @Test func `a server that never answers is given up at its limit`() throws {
        let child = try start(try launch("exec sleep 60"))
        let error = #expect(throws: NativeError.self) {
            try child.waitUntilReady(within: .milliseconds(50))
        }
        #expect(error?.code == .timedOut)
        child.stop()
        #expect(child.exit == .signal(SIGTERM))
    }

    @Test func `a server that ignores the stop signal is killed with its children`() throws {
        let child = try start(try launch("trap '' TERM; sleep 60 & echo $!; wait; wait"))
        let log = child.launch.log
        _ = try Interruption().poll(within: .seconds(5)) { !Folders.tail(log).isEmpty }
        let grandchild = try #require(Int32(Folders.tail(log).first ?? ""))
        let identity = try #require(ProcessIdentity(of: grandchild))
        child.stop()
        #expect(child.exit == .signal(SIGKILL))
        #expect(try Interruption().poll(within: .seconds(5)) { !identity.isRunning })
    }

    @Test func `a server leads a session of its own and has no descriptor of ours`() throws {
        var pipe: [Int32] = [0, 0]
        #expect(Glibc.pipe(&pipe) == 0)
        defer { for end in pipe { close(end) } }
        let child = try start(try launch("ls /proc/$$/fd | wc -l; cut -d' ' -f6 /proc/$$/stat; exit 0"))
        _ = child.waitForExit(within: .seconds(10))
        let lines = Folders.tail(child.launch.log).map { $0.trimmingCharacters(in: .whitespaces) }
        #expect(lines.count == 2)
        #expect((Int(lines[0]) ?? 99) <= 4)
        #expect(lines[1] == String(child.identity.pid))
    }
}

@Suite struct WatchdogTests {
    @Test func `what ignores SIGQUIT is killed with its group, and the scratch folder goes`() throws {
        let folder = try ScratchFolder.make("watchdog")
        let leader = try ChildProcess(
            Launch(
                name: "stubborn", kind: .service, program: "/bin/sh",
                arguments: ["-c", "trap '' QUIT; sleep 1000 & echo $!; wait"],
                environment: Launch.baseEnvironment(), log: folder + "/log", port: 1,
                portKey: "none", readiness: .connects, stopSignal: SIGKILL, stopSeconds: 1))
        let log = leader.launch.log
        _ = try Interruption().poll(within: .seconds(5)) { !Folders.tail(log).isEmpty }
        let number = try #require(Int32(Folders.tail(log).first ?? ""))
        let child = try #require(ProcessIdentity(of: number))
        let told = [leader.identity, ProcessIdentity(pid: getpid(), startTicks: 1)]
            .map { "\($0.pid) \($0.startTicks)\n" }.joined()
        _ = try Command.run("/bin/sh", ["-c", Watchdog.script, "sh", folder], input: told)
        #expect(leader.waitForExit(within: .seconds(5)) == .signal(SIGKILL))
        #expect(try Interruption().poll(within: .seconds(5)) { !child.isRunning })
        #expect(access(folder, F_OK) != 0)
        leader.killNow()
    }
}

@Suite struct PostgresServerTests {
    @Test func `a second database of a service gets the same roles and its own name`() async throws {
        let first = try await ScratchPostgres.shared.database("order")
        let second = try await ScratchPostgres.shared.database("order")
        #expect(first.name != second.name)
        let owner = try await second.asSuperuser(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()")
        #expect(owner.trimmingCharacters(in: .newlines) == "order_owner")
    }

    @Test func `the application role may not create tables`() async throws {
        let database = try await ScratchPostgres.shared.database("cart")
        let answer = try await database.asSuperuser(
            "SELECT has_schema_privilege('cart_app', 'public', 'CREATE'), "
                + "has_schema_privilege('cart_owner', 'public', 'CREATE')")
        #expect(answer.trimmingCharacters(in: .newlines) == "f|t")
    }

    @Test func `a killed server comes back with what was committed`() async throws {
        let running = try await RunningPostgres.start()
        let server = running.server
        _ = try await Blocking.run { try server.run("CREATE TABLE kept AS SELECT 42 AS answer") }
        try await running.kill()
        try await eventually("the server starts again", within: .seconds(30)) {
            do {
                try await running.restart()
                return true
            } catch {
                return false
            }
        }
        let answer = try await Blocking.run { try server.run("SELECT answer FROM kept") }
        #expect(answer == "42\n")
        try await running.stop()
    }
}
