import NativeServers
import Support
import Testing

@testable import Mercatoctl

@Suite struct AuditReaderTests {
    private static let move =
        #"{"t":"stock_moves","r":{"sku":"MUG","seq":1,"order_id":null,"kind":"RECEIPT","qty":1,"on_hand_after":1,"held_after":0}}"#
    private static let stock =
        #"{"t":"stock","r":{"sku":"MUG","on_hand":1,"held":0,"version":1}}"#

    private func audits(broken times: Int) -> FakeAudits {
        FakeAudits(["inventory": [Self.move, Self.stock]], broken: ["inventory": times])
    }

    @Test func `an audit that breaks off is read once more, and none of its rows counts twice`()
        async throws
    {
        let audits = audits(broken: 1)
        let state = try await AuditReader(audits.admin).everything { failure in
            failure.message.contains("inventory ended early")
        }
        #expect(state.moves.count == 1)
        #expect(audits.count("inventory") == 2)
        #expect(audits.count("order") == 1)
    }

    @Test func `an audit that breaks off twice fails`() async throws {
        let audits = audits(broken: 2)
        let failure = await #expect(throws: CommandFailure.self) {
            _ = try await AuditReader(audits.admin).everything { _ in true }
        }
        #expect(failure?.message.contains("inventory ended early") == true)
        #expect(audits.count("inventory") == 2)
    }

    @Test func `an audit is read once only when its caller has no more time`() async throws {
        let audits = audits(broken: 1)
        await #expect(throws: CommandFailure.self) {
            _ = try await AuditReader(audits.admin).everything()
        }
        #expect(audits.count("inventory") == 1)
    }

    /// `mercatoctl check` over the audits; what it printed and its exit code.
    private func check(_ audits: FakeAudits, wait: Int) async throws -> (ExitCode, [String]) {
        let output = Output()
        let settings = try StackSettings(["MERCATO_HOME": try ScratchFolder.make("check")])
        let code = try await TestLoop.run { loop in
            try await Commands(
                stack: Stack(settings, terminal: output.terminal, interruption: Interruption()),
                calls: audits, loop: loop
            ).run(.check(waitSeconds: wait))
        }
        return (code, output.lines)
    }

    @Test func `check reads an audit that broke off once more, and says so`() async throws {
        let (code, lines) = try await check(audits(broken: 1), wait: 60)
        #expect(code == .done)
        #expect(lines.first?.hasSuffix("reading it once more") == true)
        #expect(lines.contains("dead letters: none"))
        #expect(lines.last == "all invariants hold")
    }

    @Test func `check without time to wait fails at a broken audit`() async throws {
        let audits = audits(broken: 1)
        await #expect(throws: CommandFailure.self) { _ = try await check(audits, wait: 0) }
    }
}
