import Basics
import HTTP
import Sockets

/// The bounds of event streams.
package struct StreamLimits: Sendable {
    /// A comment is sent after this long without an event.
    package var heartbeat: Duration
    /// How often the process asks which followed orders have grown: the saga may run in another
    /// replica. One question for all streams.
    package var pollInterval: Duration
    /// Open streams of this process, those included that were promised and have not begun.
    package var total: Int
    /// Open streams of one customer, so that nobody can take them all.
    package var perCustomer: Int
}

/// `GET /v1/orders/{id}/events`: the timeline as server-sent events, live until the order ends.
struct OrderStream: Sendable {
    let view: OrderView
    let signals: TimelineSignals
    let loop: EventLoop
    let limits: StreamLimits

    /// A place is taken before the 200 is promised; whoever drops the response gives it back.
    func handle(_ request: Request) async throws -> Response {
        let customer = try Caller.customer(of: request)
        let id = try OrderView.orderID(of: request)
        guard let newest = try await view.newestEntry(of: id, for: customer) else {
            throw OrderView.notFound
        }
        let last = Self.position(request.headers["last-event-id"], newest: newest)
        let place = try join(id, for: customer, after: last)
        return .stream(
            200, type: ServerSentEvent.mediaType,
            headers: ["cache-control": "no-store", "x-accel-buffering": "no"]
        ) { writer in
            // The response may outlive its stream.
            defer { place.leave() }
            try await follow(id, place.follower, to: writer)
        }
    }

    private func join(_ id: OrderID, for customer: CustomerID, after last: Int64) throws(Problem)
        -> TimelinePlace
    {
        do {
            return try signals.join(id, for: customer, after: last)
        } catch {
            switch error {
            case .process:
                throw Problem.unavailable("overloaded", "Too many streams are open; try again.")
            case .customer:
                throw Problem(
                    status: 429, code: "too_many_streams",
                    detail: "A customer may have \(limits.perCustomer) streams open; close one.",
                    headers: ["retry-after": "1"])
            }
        }
    }

    /// The seq to go on after. What is no id of ours begins at the start; an id that lies ahead of the
    /// timeline would hide the entries to come.
    static func position(_ lastEventID: String?, newest: Int64) -> Int64 {
        guard let seq = lastEventID.flatMap({ Int64($0) }), seq > 0 else { return 0 }
        return min(seq, newest)
    }

    /// Reads the table only when there is something to read; the heartbeat asks nothing.
    private func follow(
        _ id: OrderID, _ follower: TimelineFollower, to writer: any BodyWriter
    ) async throws {
        var beat = MonotonicInstant.now + limits.heartbeat
        while true {
            if follower.takeBehind() {
                let (entries, areLast) = try await view.entries(of: id, after: follower.sent)
                for entry in entries {
                    let data = String(decoding: try JSONCoding.encode(entry), as: UTF8.self)
                    let event = ServerSentEvent(
                        id: String(entry.seq), event: entry.type, data: data)
                    try await writer.write(event.bytes)
                    follower.noteSent(entry.seq)
                }
                if areLast { return }
                if !entries.isEmpty { beat = .now + limits.heartbeat }
            }
            if beat <= .now {
                // Keeps proxies and dead peers honest; also notices a customer who left.
                try await writer.write(ServerSentEvent.heartbeat)
                beat = .now + limits.heartbeat
            }
            try await follower.wait(atMost: MonotonicInstant.now.duration(to: beat), on: loop)
        }
    }
}
