import HTTP
import HTTPCorpora
import Testing

/// llhttp's responses in strict reading, against our parser. Skipped without the corpus.
@Suite(.enabled(if: Corpora.folder != nil, "\(Corpora.variable) names no folder of corpora"))
struct LlhttpResponseTests {
    /// What we say about a case, in the terms of llhttp's log.
    private struct Reading: Equatable {
        var status: Int?
        var fields: [String] = []
        var body: [UInt8] = []
        var isComplete = false
        var isRefused = false
        var hasSurplus = false
    }

    private func ours(_ input: [UInt8], to method: Method, closes: Bool) -> Reading {
        var reading = Reading()
        var parser = ResponseParser(to: method)
        parser.append(input)
        do throws(ParseError) {
            while let event = try parser.next() { note(event, in: &reading) }
            if closes, let event = try parser.close() { note(event, in: &reading) }
        } catch {
            reading.isRefused = true
        }
        reading.hasSurplus = parser.hasSurplus
        return reading
    }

    private func note(_ event: ResponseParser.Event, in reading: inout Reading) {
        switch event {
        case .head(let head):
            reading.status = head.status
            reading.fields = head.headers.map { "\($0.name): \($0.value)" }
        case .body(let piece): reading.body += piece
        case .end: reading.isComplete = true
        }
    }

    /// The first message that is not interim (U3): an exchange has one, and anything behind it ends
    /// the connection (U6).
    private func theirs(_ log: LlhttpLog, closes: Bool) -> Reading {
        var reading = Reading()
        let messages = log.messages.drop { (100..<200).contains($0.status) && $0.status != 101 }
        reading.hasSurplus = messages.count > 1 || log.refusal?.contains("Data after") == true
        reading.isRefused = log.refusal != nil && !reading.hasSurplus
        guard let first = messages.first, first.headIsComplete else { return reading }
        reading.status = first.status
        reading.fields = first.fields.map {
            "\($0.name.lowercased()): \(String(decoding: $0.value, as: UTF8.self))"
        }
        reading.body = first.body
        reading.isComplete = first.isComplete || closes
        return reading
    }

    @Test(arguments: ["response", "response-finish"])
    func `llhttp's responses are read as llhttp does, except where we say why (U1, U2)`(
        type: String
    ) throws {
        let cases = try #require(try Corpora.llhttp("response", type: type))
        let known = try Disagreements.load("llhttp").cases
        #expect(!cases.isEmpty)
        for one in cases {
            let expected = theirs(one.log, closes: type == "response-finish")
            // llhttp refuses some lines before their end; we wait for it, or for the connection's.
            let seen = ours(
                one.input, to: one.skipsBody ? .head : .get,
                closes: type == "response-finish" || expected.isRefused)
            let isListed = known.contains(one.id)
            #expect(
                (seen == expected) != isListed,
                "\(one.id): ours \(seen), theirs \(expected), listed: \(isListed)")
        }
    }

    @Test func `llhttp's responses give the same result at every split (H83)`() throws {
        let cases = try #require(try Corpora.llhttp("response", type: "response"))
        for one in cases {
            expectTheSameAtEverySplit(one.input, to: one.skipsBody ? .head : .get)
        }
    }
}
