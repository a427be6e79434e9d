/// One event of a `text/event-stream` (WHATWG HTML §9.2).
package struct ServerSentEvent: Sendable, Equatable {
    package var id: String?
    package var event: String?
    package var data: String

    package init(id: String? = nil, event: String? = nil, data: String) {
        self.id = id
        self.event = event
        self.data = data
    }

    package static let mediaType = "text/event-stream"

    /// A comment that keeps intermediaries from closing an idle stream.
    package static let heartbeat: [UInt8] = Array(": heartbeat\n\n".utf8)

    /// The event on the wire. Line ends inside `data` become several data lines; inside `id` and
    /// `event` they are dropped, since they would begin another field.
    package var bytes: [UInt8] {
        var text = ""
        if let id { text += "id: \(Self.oneLine(id))\n" }
        if let event { text += "event: \(Self.oneLine(event))\n" }
        let unified = data.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        for line in unified.split(separator: "\n", omittingEmptySubsequences: false) {
            text += "data: \(line)\n"
        }
        return Array((text + "\n").utf8)
    }

    private static func oneLine(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 0x20 }))
    }
}

/// Events out of a stream of bytes, for clients.
package struct ServerSentEventParser: Sendable {
    private var line: [UInt8] = []
    private var skipsLineFeed = false
    private var data: [String] = []
    private var eventType: String?
    private var eventSize = 0
    /// The id of the newest event, what `Last-Event-ID` resumes from.
    package private(set) var lastEventID: String?

    /// Bytes of one event; beyond: an error, the stream is not for us.
    package static let eventMax = 1024 * 1024

    package init() {}

    /// Feeds bytes and returns the events completed by them. Comments are skipped.
    package mutating func append(_ bytes: some Sequence<UInt8>) throws(ParseError)
        -> [ServerSentEvent]
    {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            defer { skipsLineFeed = byte == Character8.cr }
            if byte == Character8.lf, skipsLineFeed { continue }
            guard byte == Character8.lf || byte == Character8.cr else {
                eventSize += 1
                guard eventSize <= Self.eventMax else {
                    throw .malformed("An event of the stream is too large.")
                }
                line.append(byte)
                continue
            }
            if let event = endLine() { events.append(event) }
        }
        return events
    }

    /// By bytes: a colon or a blank with a combining mark behind it is another `Character`.
    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else { return dispatch() }
        let colon = line.firstIndex(of: Character8.colon)
        var value = line[(colon.map { $0 + 1 } ?? line.endIndex)...]
        if value.first == Character8.space { value.removeFirst() }
        let text = String(decoding: value, as: UTF8.self)
        // A line that begins with a colon is a comment: its name is empty.
        switch String(decoding: line[..<(colon ?? line.endIndex)], as: UTF8.self) {
        case "data": data.append(text)
        case "event": eventType = text
        case "id": if !value.contains(0) { lastEventID = text }
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            data.removeAll()
            eventType = nil
            eventSize = 0
        }
        guard !data.isEmpty else { return nil }
        return ServerSentEvent(
            id: lastEventID, event: eventType, data: data.joined(separator: "\n"))
    }
}
