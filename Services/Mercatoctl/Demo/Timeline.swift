import Basics

/// The events of one order as lines for people: milliseconds since the first event, name, details.
package struct Timeline {
    package private(set) var lastID: String?
    package private(set) var hasEnded = false
    /// The types of all events so far.
    package private(set) var types: [String] = []
    private var first: WallTime?

    /// Event types after which nothing follows.
    private static let terminal: Set<String> = ["OrderConfirmed", "OrderCancelled"]

    package init() {}

    /// - Returns: the line, or nil for an event that was shown already.
    package mutating func add(_ event: EventStream.Event) throws(CommandFailure) -> String? {
        let object = try JSONObject(Array(event.data.utf8), what: "an event of the order")
        if let id = event.id.flatMap({ Int64($0) }), let last = lastID.flatMap({ Int64($0) }),
            id <= last
        {
            return nil
        }
        lastID = event.id ?? lastID
        let type = object.optionalText("type") ?? event.type
        types.append(type)
        if Self.terminal.contains(type) { hasEnded = true }
        let at = object.optionalText("at").flatMap { WallTime(iso8601: $0) }
        if first == nil { first = at }
        let detail = object.optionalObject("detail")?.summary ?? object.optionalText("detail") ?? ""
        return Self.line(milliseconds: Self.between(first, at), type: type, detail: detail)
    }

    private static func between(_ first: WallTime?, _ at: WallTime?) -> Int64? {
        guard let first, let at else { return nil }
        return (at.microseconds - first.microseconds) / 1_000
    }

    static func line(milliseconds: Int64?, type: String, detail: String) -> String {
        let time = milliseconds.map { "+\($0) ms" } ?? "?"
        let pad = String(repeating: " ", count: max(0, 10 - time.count))
        let name = type + String(repeating: " ", count: max(0, 22 - type.count))
        return detail.isEmpty ? "\(pad)\(time)  \(type)" : "\(pad)\(time)  \(name)\(detail)"
    }
}
