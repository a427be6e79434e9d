import Glibc
import NativeServers
import Support
import Testing

/// deploy/native/build.sh with a compiler that only sleeps: whoever is told to end takes all of it
/// along.
@Suite struct BuildScriptTests {
    /// Starts a build and waits until its compilers run.
    private func build(
        _ machine: ScriptMachine, isStubborn: Bool = false
    ) throws -> (script: ChildProcess, compilers: [ProcessIdentity]) {
        try machine.program(
            "swift",
            """
            if [ "$1" = --version ]; then echo "Swift version 6.3.1"; exit; fi
            \(isStubborn ? "trap '' INT TERM" : "")
            sleep 1000 &
            here=$!
            setsid sleep 1000 &
            echo "$$ $here $!" > $MACHINE/pids.new; mv $MACHINE/pids.new $MACHINE/pids
            wait
            """)
        let script = try ChildProcess(
            Launch(
                name: "build", kind: .service, program: machine.folder + "/bin/bash",
                arguments: [ScriptMachine.scripts + "/build.sh"],
                environment: machine.environment, log: machine.folder + "/build.log", port: 1,
                portKey: "none", readiness: .connects, stopSignal: SIGKILL, stopSeconds: 1))
        Watchdog.shared.watch(script.identity)
        _ = try Interruption().poll(within: .seconds(20)) { machine.exists("pids") }
        let compilers = (machine.text("pids") ?? "").split(whereSeparator: \.isWhitespace)
            .compactMap { Int32($0) }.compactMap { ProcessIdentity(of: $0) }
        for compiler in compilers { Watchdog.shared.watch(compiler) }
        try #require(compilers.count == 3, "\(Folders.tail(script.launch.log))")
        return (script, compilers)
    }

    /// All compilers have ended, and the script said so.
    private func expectNothingLeft(
        _ script: ChildProcess, _ compilers: [ProcessIdentity], code: Int32
    ) throws {
        #expect(script.waitForExit(within: .seconds(30)) == .code(code))
        #expect(try Interruption().poll(within: .seconds(5)) { !compilers.contains(where: \.isRunning) })
        #expect(Folders.tail(script.launch.log).last == "interrupted; nothing is left running")
    }

    @Test func `Ctrl-C during the build ends every compiler, exit 130`() throws {
        let (script, compilers) = try build(try ScriptMachine())
        script.identity.signal(SIGINT, wholeGroup: true)
        try expectNothingLeft(script, compilers, code: 130)
    }

    @Test func `compilers that ignore Ctrl-C are killed`() throws {
        let (script, compilers) = try build(try ScriptMachine(), isStubborn: true)
        script.identity.signal(SIGINT, wholeGroup: true)
        try expectNothingLeft(script, compilers, code: 130)
    }

    @Test func `a signal to the script alone ends its compilers as well, exit 143`() throws {
        let (script, compilers) = try build(try ScriptMachine())
        script.identity.signal(SIGTERM)
        try expectNothingLeft(script, compilers, code: 143)
    }

    @Test func `an impatient second Ctrl-C does not cut the cleanup short`() throws {
        let (script, compilers) = try build(try ScriptMachine(), isStubborn: true)
        for _ in 0..<5 { script.identity.signal(SIGINT, wholeGroup: true) }
        try expectNothingLeft(script, compilers, code: 130)
    }

    @Test func `without a Swift the way to one is shown, exit 3`() throws {
        let machine = try ScriptMachine()
        let outcome = try machine.run("build.sh")
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("https://www.swift.org/install/linux/"))
    }

    @Test(arguments: [("Swift version 5.10", "too old"), ("OpenStack 1.0", "is not the Swift compiler")])
    func `a swift that is too old or another program is told apart`(text: String, told: String) throws {
        let machine = try ScriptMachine()
        try machine.program("swift", "echo '\(text)'")
        let outcome = try machine.run("build.sh")
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains(told))
    }
}
