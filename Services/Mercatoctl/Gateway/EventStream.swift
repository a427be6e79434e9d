/// Takes server-sent events out of a body that arrives in pieces (WHATWG HTML, "server-sent events").
package struct EventStream: Sendable {
    package struct Event: Sendable, Equatable {
        package var id: String?
        package var type = "message"
        package var data = ""
    }

    /// An event longer than this is refused; ours are a few hundred bytes.
    package static let eventBytesMax = 262_144

    private var rest: [UInt8] = []
    private var current = Event()
    private var hasContent = false

    package init() {}

    /// The events that are complete with this piece. Comments (heartbeats) yield nothing.
    package mutating func receive(_ bytes: [UInt8]) throws(CommandFailure) -> [Event] {
        rest += bytes
        var events: [Event] = []
        var start = rest.startIndex
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            var line = String(decoding: rest[start..<end], as: UTF8.self)
            if line.hasSuffix("\r") { line.removeLast() }
            start = rest.index(after: end)
            if let event = take(line) { events.append(event) }
        }
        rest.removeSubrange(..<start)
        guard rest.count + current.data.utf8.count <= Self.eventBytesMax else {
            throw CommandFailure(.failed, "an event of the stream is too long")
        }
        return events
    }

    private mutating func take(_ line: String) -> Event? {
        if line.isEmpty {
            defer {
                current = Event()
                hasContent = false
            }
            return hasContent ? current : nil
        }
        guard !line.hasPrefix(":") else { return nil }
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        var value = parts.count > 1 ? String(parts[1]) : ""
        if value.hasPrefix(" ") { value.removeFirst() }
        switch parts[0] {
        case "id": current.id = value
        case "event": current.type = value
        case "data":
            current.data += (hasContent && !current.data.isEmpty ? "\n" : "") + value
            hasContent = true
        default: break
        }
        return nil
    }
}
