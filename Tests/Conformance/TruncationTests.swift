import HTTP
import Testing

/// A message that ends early is no message (RFC 9112 §8).
@Suite(.serialized, .timeLimit(.minutes(1)))
struct TruncationTests {
    static let messages = Case.all.filter { $0.after == .kept && $0.statuses.count == 1 }

    @Test(arguments: messages)
    func `H65, H75: no beginning of a message is a complete one`(_ item: Case) {
        #expect(ParserTranscript(item.bytes).completed == 1)
        var parser = RequestParser()
        var completed = 0
        for byte in item.bytes.dropLast() {
            parser.append([byte])
            do throws(ParseError) {
                while let event = try parser.next() { if case .end = event { completed += 1 } }
            } catch {
                Issue.record("\(item.testDescription): \(error)")
            }
        }
        #expect(completed == 0)
    }

    @Test(arguments: [
        post("Content-Length: 10\r\n", body: "hello"),
        post("Content-Length: 10\r\n"),
        post("Transfer-Encoding: chunked\r\n", body: "5\r\nhello\r\n"),
        post("Transfer-Encoding: chunked\r\n", body: "5\r\nhel"),
        post("Transfer-Encoding: chunked\r\n", body: "5\r\nhello\r\n0\r\n"),
        post("Transfer-Encoding: chunked\r\n", body: "5\r\nhello\r\n0\r\nX: y\r\n"),
        "GET /ok HTTP/1.1\r\nHost: t\r\n",
        "GET /ok HT",
    ])
    func `H65, H75: no handler sees a request that was cut`(request: String) async throws {
        try await withServer { running in
            let wire = try await running.connect()
            try await wire.send(request)
            await wire.finishSending()
            let said = try await wire.rest()
            #expect(said.statuses == [400] || said.statuses.isEmpty)
            #expect(said.surplus.isEmpty && running.handled.all.isEmpty)
            await wire.close()
        }
    }
}
