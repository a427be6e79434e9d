import Testing

@testable import Mercatoctl

@Suite struct ArgumentsTests {
    @Test(arguments: [
        (["up"], Request.up), (["down"], .down), (["status"], .status), (["doctor"], .doctor),
        (["clean"], .clean), (["help"], .help), (["--help"], .help), (["up", "--help"], .help),
        (["-h"], .help), (["demo"], .demo(once: false)), (["demo", "--once"], .demo(once: true)),
        (["check"], .check(waitSeconds: 60, admin: nil)),
        (["check", "--wait", "5"], .check(waitSeconds: 5, admin: nil)),
        (["check", "--wait=0", "--admin=http://h:1"], .check(waitSeconds: 0, admin: "http://h:1")),
        (["order", "show", "X"], .showOrder(id: "X", admin: nil)),
        (["seed", "--admin", "http://h:1"], .seed(admin: "http://h:1")),
        (["restart", "order"], .restart(name: "order")), (["stop", "order"], .stop(name: "order")),
        (["start", "order"], .start(name: "order")),
    ])
    func `a well-formed command line is understood`(words: [String], request: Request) throws {
        #expect(try Arguments.parse(words) == request)
    }

    @Test(arguments: [
        [], ["fly"], ["up", "now"], ["up", "--fast"], ["order"], ["order", "hide", "X"],
        ["order", "show"], ["order", "show", "X", "Y"], ["restart"], ["check", "--wait"],
        ["check", "--wait", "soon"], ["check", "--wait", "-1"], ["check", "--wait", "99999"],
        ["up", "--admin", "x"], ["--once"],
    ])
    func `anything else is refused with a hint`(words: [String]) {
        let error = #expect(throws: UsageError.self) { try Arguments.parse(words) }
        #expect(error?.message.isEmpty == false)
        #expect(error?.hint == "try: mercatoctl help")
    }

    @Test func `the usage names every command`() {
        for command in [
            "up", "down", "status", "demo", "check", "order show", "seed", "restart", "stop",
            "start", "doctor", "clean",
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
