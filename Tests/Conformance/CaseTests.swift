import HTTP
import Testing

/// Every row that can be told as bytes, over a socket and a real server with its default limits.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct CaseTests {
    private static let last = latin1(get("Connection: close\r\n", target: "/next"))
    private static let poison = latin1(get(target: "/poison"))

    /// Invariant (b) is part of each: a refusal is exactly one answer that the client can read, then
    /// an orderly end, and the request behind it never reaches a handler.
    @Test(arguments: Case.all)
    func `the statuses of a case, and what becomes of the connection`(_ item: Case) async throws {
        try await withServer { running in
            let follower = item.after == .kept ? Self.last : Self.poison
            let said = try await running.exchange(item.bytes + follower, isHead: item.isHead)
            expect(item, said, handled: running.handled.all)
        }
    }

    private func expect(_ item: Case, _ said: Conversation, handled: [String]) {
        let kept = item.after == .kept
        // A body that comes byte by byte is not there yet when it is asked for.
        let statuses = item.id == "H41" ? said.statuses.filter { $0 != 100 } : said.statuses
        #expect(statuses == item.statuses + (kept ? [200] : []))
        #expect(said.surplus.isEmpty && !said.isReset)
        #expect(!handled.contains("GET /poison"))
        #expect(handled.count == item.statuses.count { $0 == 200 } + (kept ? 1 : 0))
        if kept { #expect(handled.last == "GET /next") }
        guard let answer = said.answers.last else { return }
        #expect(answer["connection"] == "close")
        guard !kept, answer.status >= 400 else { return }
        #expect(answer["content-type"] == "application/problem+json")
        #expect(answer.text.contains("\"status\":\(answer.status)"))
    }

    /// Invariant (a) at the parser: the same result at every split and byte by byte (H83).
    @Test(arguments: Case.all)
    func `H83: a case gives the same result at every split`(_ item: Case) {
        let bytes = item.bytes + Self.poison
        let whole = ParserTranscript(bytes)
        #expect(ParserTranscript(bytewise: bytes) == whole)
        for at in Splits.of(bytes) {
            let split = ParserTranscript(bytes, splitAt: at)
            guard split != whole else { continue }
            Issue.record("split at \(at): \(split), whole: \(whole)")
            return
        }
    }

    /// Invariant (b) at the parser: after a refusal nothing more comes, whatever is appended.
    @Test(arguments: Case.all.filter { $0.after == .ended && ($0.statuses.last ?? 0) >= 400 })
    func `H79: nothing is parsed behind a refusal`(_ item: Case) throws {
        var parser = RequestParser()
        parser.append(item.bytes)
        var refusal: ParseError?
        func drain() {
            do throws(ParseError) { while try parser.next() != nil {} } catch { refusal = error }
        }
        drain()
        // Refusals of the server alone (a route's limit, an expectation) are no matter of the parser.
        guard let first = refusal else { return }
        parser.append(Self.poison)
        refusal = nil
        drain()
        #expect(refusal == first)
        let kept = parser.bufferedCount
        #expect(kept == 0)
    }

    /// Invariant (a) over a socket, for a sample: one byte per write (H83).
    @Test(arguments: Case.all.enumerated().filter { $0.offset % 7 == 0 }.map(\.element))
    func `H83: a case sent one byte at a time gives the same statuses`(_ item: Case) async throws {
        guard item.bytes.count < 2_000 else { return }
        try await withServer { running in
            let follower = item.after == .kept ? Self.last : Self.poison
            let wire = try await running.connect()
            try await wire.trickle(item.bytes + (item.isLastByItself ? [] : follower))
            let said = try await wire.rest(isHead: item.isHead)
            await wire.close()
            expect(item, said, handled: running.handled.all)
        }
    }
}

/// Where a message is cut in two.
enum Splits {
    /// Every place; of a long message those around line ends, near both ends, and a sample.
    static func of(_ bytes: [UInt8]) -> [Int] {
        guard bytes.count > 700 else { return Array(1..<max(1, bytes.count)) }
        var places = Set(1..<100)
        places.formUnion((bytes.count - 100)..<bytes.count)
        places.formUnion(stride(from: 100, to: bytes.count, by: max(1, bytes.count / 60)))
        let ends = bytes.indices.filter { bytes[$0] == 10 }
        for end in ends.prefix(15) + ends.suffix(15) { places.formUnion((end - 1)...(end + 2)) }
        return places.filter { $0 > 0 && $0 < bytes.count }.sorted()
    }
}
