import Testing

@testable import Mercatoctl

@Suite struct EventStreamTests {
    private let text = """
        : heartbeat

        id: 1
        event: StockReserved
        data: {"seq":1,
        data: "type":"StockReserved"}

        id: 2\r
        event: OrderConfirmed\r
        data: {}\r
        \r

        """

    @Test(arguments: [1, 2, 5, 1_000])
    func `events are read whole however the stream is cut`(size: Int) throws {
        var stream = EventStream()
        var events: [EventStream.Event] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            events += try stream.receive(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        #expect(
            events == [
                .init(
                    id: "1", type: "StockReserved",
                    data: "{\"seq\":1,\n\"type\":\"StockReserved\"}"),
                .init(id: "2", type: "OrderConfirmed", data: "{}"),
            ])
    }

    @Test func `an endless event is refused`() {
        var stream = EventStream()
        #expect(throws: CommandFailure.self) {
            _ = try stream.receive(
                [UInt8](repeating: 0x61, count: EventStream.eventBytesMax + 1))
        }
    }
}

@Suite struct TimelineTests {
    private func event(_ id: String, _ type: String, _ at: String, _ detail: String = "{}")
        -> EventStream.Event
    {
        .init(
            id: id, type: type,
            data: #"{"seq":\#(id),"type":"\#(type)","at":"\#(at)","detail":\#(detail)}"#)
    }

    @Test func `each event is a line with its milliseconds since the first`() throws {
        var timeline = Timeline()
        let first = try timeline.add(event("1", "OrderPlaced", "2026-01-01T00:00:00.000Z"))
        let second = try timeline.add(
            event("2", "StockRejected", "2026-01-01T00:00:00.123Z", #"{"sku":"MUG"}"#))
        #expect(first == "     +0 ms  OrderPlaced")
        #expect(second == "   +123 ms  StockRejected         sku MUG")
        #expect(!timeline.hasEnded)
    }

    @Test func `an event that was shown before a reconnect is not shown again`() throws {
        var timeline = Timeline()
        _ = try timeline.add(event("2", "OrderPlaced", "2026-01-01T00:00:00Z"))
        #expect(try timeline.add(event("2", "OrderPlaced", "2026-01-01T00:00:00Z")) == nil)
        #expect(timeline.lastID == "2")
    }

    @Test(arguments: ["OrderConfirmed", "OrderCancelled"])
    func `a terminal event ends it`(type: String) throws {
        var timeline = Timeline()
        _ = try timeline.add(event("9", type, "2026-01-01T00:00:00Z"))
        #expect(timeline.hasEnded)
    }
}
