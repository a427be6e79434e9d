import Basics
import NativeServers
import Support
import Synchronization
import Testing

@testable import Mercatoctl

/// `mercatoctl dlq` over letters from memory.
@Suite struct DeadLetterCommandTests {
    private static let first = "019a0000-0000-7000-8000-000000000001"
    private static let second = "019a0000-0000-7000-8000-000000000002"

    private func run(_ desk: FakeDesk, _ request: DeadLetterRequest, of service: String? = nil)
        async throws -> (code: ExitCode, lines: [String])
    {
        let output = Output()
        let settings = try StackSettings(["MERCATO_HOME": try ScratchFolder.make("dlq")])
        let code = try await TestLoop.run { loop in
            try await Commands(
                stack: Stack(settings, terminal: output.terminal, interruption: Interruption()),
                calls: desk, loop: loop, place: PlaceOptions(on: .native)
            ).run(.deadLetters(request, service: service))
        }
        return (code, output.lines)
    }

    @Test func `every service is asked, over all pages`() async throws {
        let desk = FakeDesk(["order": [Self.first, Self.second]], pageSize: 1)
        let (code, lines) = try await run(desk, .list(state: "open"))
        #expect(code == .done)
        #expect(lines.contains { $0.hasPrefix(Self.first) && $0.contains("order") })
        #expect(lines.contains { $0.contains("undecodable/malformed_envelope: header") })
        #expect(lines.last == "2 open dead letters")
        let asked = desk.seen.filter { $0.contains("dead-letters?") }
        #expect(asked.count == 6 && asked.contains { $0.contains("after=\(Self.second)") })
        #expect(try await run(FakeDesk([:]), .list(state: "open")).lines == ["no open dead letters"])
    }

    @Test func `one letter is found whoever has it, and shown with headers and payload`() async throws {
        let desk = FakeDesk(["payment": [Self.first]])
        let lines = try await run(desk, .show(id: Self.first)).lines
        #expect(lines.contains("service          payment"))
        #expect(lines.contains("    type: Reserve"))
        #expect(lines.contains("    base64:AP8="))
        let failure = await #expect(throws: CommandFailure.self) {
            _ = try await run(desk, .show(id: Self.second))
        }
        #expect(failure?.message == "no service has the dead letter \(Self.second)")
    }

    @Test func `a replay that still fails says why and ends with 1`() async throws {
        let desk = FakeDesk(["order": [Self.first]], outcomes: [Self.first: "failed"])
        let (code, lines) = try await run(desk, .replay(id: Self.first))
        #expect(code == .failed)
        #expect(lines.first?.contains("still fails: undecodable/malformed_envelope: header") == true)
    }

    @Test func `replay --all goes through all of them, oldest first, whatever one says`() async throws {
        let desk = FakeDesk(
            ["order": [Self.first, Self.second], "cart": [Self.first]],
            outcomes: [Self.first: "handled", Self.second: "failed"])
        let (code, lines) = try await run(desk, .replayAll)
        #expect(code == .failed)
        #expect(lines.last == "2 settled, 1 still open")
        let replays = desk.seen.filter { $0.hasPrefix("POST") }
        #expect(replays.map { $0.split(separator: "/")[2] } == ["cart", "order", "order"])
        #expect(try await run(desk, .replayAll, of: "payment").lines == ["no parked dead letters"])
    }

    @Test func `a discard carries its reason`() async throws {
        let desk = FakeDesk(["order": [Self.first]])
        let lines = try await run(desk, .discard(id: Self.first, reason: "not ours")).lines
        #expect(lines == ["\(Self.first)  order  discarded: not ours"])
        #expect(desk.seen.last?.hasSuffix(#"discard {"reason":"not ours"}"#) == true)
    }

    @Test func `a service without dead letters is a mistake in usage`() async throws {
        let failure = await #expect(throws: CommandFailure.self) {
            _ = try await run(FakeDesk([:]), .list(state: "all"), of: "gateway")
        }
        #expect(failure?.code == .usage)
    }
}

/// `/admin/<service>/dead-letters` from memory.
private final class FakeDesk: HTTPCalls {
    private let letters: [String: [String]]
    private let outcomes: [String: String]
    private let pageSize: Int
    private let calls = Mutex<[String]>([])
    var seen: [String] { calls.withLock { $0 } }

    init(_ letters: [String: [String]], outcomes: [String: String] = [:], pageSize: Int = 500) {
        self.letters = letters
        self.outcomes = outcomes
        self.pageSize = pageSize
    }

    private func letter(_ id: String, _ more: String = "") -> String {
        """
        {"id":"\(id)","topic":"order.replies.v1","partition":3,"offset":7,"type":"Reserve",\
        "state":"PARKED","error_class":"undecodable","error_code":"malformed_envelope",\
        "error":"header 'message-id': is missing","attempts":1,"replays":1,\
        "first_failed_at":"2026-01-01T00:00:00Z"\(more)}
        """
    }

    func call(_ method: String, _ url: String, headers: [String: String], body: [UInt8]?) async throws
        -> HTTPAnswer
    {
        let path = String(url.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" })
        let text = String(decoding: body ?? [], as: UTF8.self)
        calls.withLock { $0.append("\(method) \(path) \(text)".trimmingSuffix) }
        let parts = path.split(separator: "/").map(String.init)
        let mine = letters[parts[1]] ?? []
        if parts.count == 3 {
            let after = path.components(between: "after=")
            let rest = mine.drop { id in after.map { id <= $0 } ?? false }.prefix(pageSize)
            let next = rest.count == pageSize ? "\"\(rest.last ?? "")\"" : "null"
            let page = rest.map { letter($0) }.joined(separator: ",")
            return answer(200, #"{"letters":[\#(page)],"next":\#(next)}"#)
        }
        let id = parts[3]
        guard mine.contains(id) else { return answer(404, #"{"code":"dead_letter_not_found"}"#) }
        guard method == "POST" else {
            let more = #"""
                ,"headers":[{"name":"type","value":{"encoding":"utf-8","data":"Reserve"}}],
                "payload":{"encoding":"base64","data":"AP8="},"key":null
                """#
            return answer(200, letter(id, more))
        }
        return answer(200, letter(id, #","outcome":"\#(outcomes[id] ?? "handled")""#))
    }

    func stream(
        _ url: String, headers: [String: String], limit: Deadline,
        _ piece: (_ bytes: [UInt8]) async throws -> Bool
    ) async throws -> Int { 404 }

    private func answer(_ status: Int, _ text: String) -> HTTPAnswer {
        HTTPAnswer(status: status, body: Array(text.utf8))
    }
}

extension String {
    fileprivate var trimmingSuffix: String { hasSuffix(" ") ? String(dropLast()) : self }

    /// What stands behind `mark`.
    fileprivate func components(between mark: String) -> String? {
        split(separator: mark, maxSplits: 1).dropFirst().first.map(String.init)
    }
}
