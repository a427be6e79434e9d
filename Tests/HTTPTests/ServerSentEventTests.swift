import HTTP
import Testing

@Suite struct ServerSentEventTests {
    @Test func `an event is written line by line and read back`() throws {
        let events = [
            ServerSentEvent(id: "1", event: "OrderPlaced", data: #"{"a":1}"#),
            ServerSentEvent(id: "2", data: "two\nlines"),
            ServerSentEvent(data: ""),
        ]
        #expect(
            String(decoding: events[1].bytes, as: UTF8.self)
                == "id: 2\ndata: two\ndata: lines\n\n")
        let bytes = events.flatMap { $0.bytes + ServerSentEvent.heartbeat }
        for size in [1, 3, 1_000] {
            var parser = ServerSentEventParser()
            var read: [ServerSentEvent] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                read += try parser.append(bytes[start..<min(bytes.count, start + size)])
            }
            #expect(read.map(\.data) == events.map(\.data))
            #expect(read.map(\.event) == events.map(\.event))
            #expect(parser.lastEventID == "2")
        }
    }

    @Test func `CR and CRLF end lines too, comments and unknown fields are skipped`() throws {
        var parser = ServerSentEventParser()
        let events = try parser.append(Array(": hi\r\nretry: 5\r\ndata:a\rdata: b\r\n\r\n".utf8))
        #expect(events == [ServerSentEvent(data: "a\nb")])
    }

    @Test func `a combining mark takes no colon and no blank with it`() throws {
        let event = ServerSentEvent(id: "\u{301}1", event: "\u{301}a", data: "\u{301}b\n\u{301}: c")
        var parser = ServerSentEventParser()
        #expect(try parser.append(event.bytes) == [event])
        #expect(try parser.append(Array(":\u{301}comment\ndata:\u{301}\n\n".utf8)).map(\.data) == ["\u{301}"])
    }

    @Test func `an id or type cannot smuggle a field`() {
        let event = ServerSentEvent(id: "1\ndata: x", event: "a\r\nb", data: "d")
        #expect(
            String(decoding: event.bytes, as: UTF8.self) == "id: 1data: x\nevent: ab\ndata: d\n\n")
    }

    @Test func `an endless event is refused`() {
        var parser = ServerSentEventParser()
        #expect(throws: ParseError.self) {
            try parser.append([UInt8](repeating: 65, count: ServerSentEventParser.eventMax + 1))
        }
    }
}
