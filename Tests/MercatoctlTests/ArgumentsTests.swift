import Testing

@testable import Mercatoctl

@Suite struct ArgumentsTests {
    @Test(arguments: [
        (["up"], Request.up), (["down"], .down), (["status"], .status), (["doctor"], .doctor),
        (["clean"], .clean), (["help"], .help), (["--help"], .help), (["up", "--help"], .help),
        (["-h"], .help), (["demo"], .demo(once: false)), (["demo", "--once"], .demo(once: true)),
        (["check"], .check(waitSeconds: 60)), (["check", "--wait", "5"], .check(waitSeconds: 5)),
        (["smoke"], .smoke(waitSeconds: 60)), (["smoke", "--wait=9"], .smoke(waitSeconds: 9)),
        (["order", "show", "X"], .showOrder(id: "X")), (["seed"], .seed),
        (["trace", "X"], .trace(order: "X")),
        (["dlq", "list"], .deadLetters(.list(state: "open"), service: nil)),
        (["dlq", "list", "--state", "all", "--service=order"], .deadLetters(.list(state: "all"), service: "order")),
        (["dlq", "show", "X"], .deadLetters(.show(id: "X"), service: nil)),
        (["dlq", "replay", "X"], .deadLetters(.replay(id: "X"), service: nil)),
        (["dlq", "replay", "--all"], .deadLetters(.replayAll, service: nil)),
        (["dlq", "discard", "X", "--reason", "not ours"], .deadLetters(.discard(id: "X", reason: "not ours"), service: nil)),
        (["restart", "order"], .restart(name: "order")), (["stop", "order"], .stop(name: "order")),
        (["start", "order"], .start(name: "order")),
    ])
    func `a well-formed command line is understood`(words: [String], request: Request) throws {
        #expect(try Arguments.parse(words) == Invocation(request))
    }

    @Test(arguments: [
        (["check", "--wait=0", "--admin=http://h:1"], PlaceOptions(admin: "http://h:1")),
        (["seed", "--admin", "http://h:1"], PlaceOptions(admin: "http://h:1")),
        (["status", "--on", "compose"], PlaceOptions(on: .compose)),
        (["smoke", "--on=kubernetes", "--jaeger", "http://j:2"], PlaceOptions(on: .kubernetes, jaeger: "http://j:2")),
        (["demo", "--gateway", "http://g:3"], PlaceOptions(gateway: "http://g:3")),
    ])
    func `a command that talks to a running Mercato takes its place`(
        words: [String], place: PlaceOptions
    ) throws {
        #expect(try Arguments.parse(words).place == place)
    }

    @Test(arguments: [
        [], ["fly"], ["up", "now"], ["up", "--fast"], ["order"], ["order", "hide", "X"],
        ["order", "show"], ["order", "show", "X", "Y"], ["restart"], ["check", "--wait"],
        ["check", "--wait", "soon"], ["check", "--wait", "-1"], ["check", "--wait", "99999"],
        ["up", "--admin", "x"], ["--once"], ["status", "--on", "docker"], ["down", "--on", "native"],
        ["trace"], ["dlq"], ["dlq", "show"], ["dlq", "replay"], ["dlq", "discard", "X"], ["dlq", "list", "--state", "odd"],
    ])
    func `anything else is refused with a hint`(words: [String]) {
        let error = #expect(throws: UsageError.self) { try Arguments.parse(words) }
        #expect(error?.message.isEmpty == false)
        #expect(error?.hint == "try: mercatoctl help")
    }

    @Test func `chaos takes scenarios and its options`() throws {
        var wanted = ChaosRequest()
        #expect(try Arguments.parse(["chaos"]) == Invocation(.chaos(wanted)))
        wanted.scenarios = ["kill-order", "own.yaml"]
        wanted.seed = 7
        wanted.from = "folder"
        wanted.report = "out"
        let words = [
            "chaos", "kill-order", "--seed", "7", "--scenarios=folder", "own.yaml", "--report", "out",
            "--on", "compose",
        ]
        #expect(
            try Arguments.parse(words) == Invocation(.chaos(wanted), PlaceOptions(on: .compose)))
        #expect(throws: UsageError.self) { try Arguments.parse(["chaos", "--seed", "x"]) }
    }

    @Test func `the usage names every command`() {
        for command in [
            "up", "down", "status", "demo", "smoke", "check", "order show", "trace", "dlq", "seed", "restart", "stop",
            "start", "doctor", "clean", "chaos",
        ] {
            #expect(Arguments.usage.contains(command))
        }
    }

    @Test func `exit codes are those of the architecture`() {
        #expect(ExitCode.done.rawValue == 0)
        #expect(ExitCode.failed.rawValue == 1)
        #expect(ExitCode.usage.rawValue == 2)
        #expect(ExitCode.missing.rawValue == 3)
        #expect(ExitCode.portInUse.rawValue == 4)
        #expect(ExitCode.startFailed.rawValue == 5)
        #expect(ExitCode.interrupted.rawValue == 130)
    }
}
