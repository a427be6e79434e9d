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

    private mutating func endLine() -> ServerSentEvent? {
        let text = String(decoding: line, as: UTF8.self)
        line.removeAll(keepingCapacity: true)
        guard !text.isEmpty else { return dispatch() }
        guard !text.hasPrefix(":") else { return nil }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var value = parts.count > 1 ? parts[1] : ""
        if value.hasPrefix(" ") { value.removeFirst() }
        switch parts[0] {
        case "data": data.append(String(value))
        case "event": eventType = String(value)
        case "id": if !value.utf8.contains(0) { lastEventID = String(value) }
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
