import Basics
import HTTP
import Sockets

/// The bounds of event streams.
package struct StreamLimits: Sendable {
    /// A comment is sent after this long without an event.
    package var heartbeat: Duration
    /// How often the table is read without a signal: the saga may run in another replica.
    package var pollInterval: Duration
    /// Open streams of this process.
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

    func handle(_ request: Request) async throws -> Response {
        let customer = try Caller.customer(of: request)
        let id = try OrderView.orderID(of: request)
        guard let newest = try await view.newestEntry(of: id, for: customer) else {
            throw OrderView.notFound
        }
        guard signals.count < limits.total else {
            throw Problem.unavailable("overloaded", "Too many streams are open; try again.")
        }
        guard signals.count(of: customer) < limits.perCustomer else {
            throw Problem(
                status: 429, code: "too_many_streams",
                detail: "A customer may have \(limits.perCustomer) streams open; close one.",
                headers: ["retry-after": "1"])
        }
        let last = Self.position(request.headers["last-event-id"], newest: newest)
        return .stream(
            200, type: ServerSentEvent.mediaType,
            headers: ["cache-control": "no-store", "x-accel-buffering": "no"]
        ) { writer in
            let signal = signals.join(id, for: customer)
            defer { signals.leave(id, for: customer, signal) }
            // Requests that came at the same time all saw room; the last of them end here.
            guard signals.count(of: customer) <= limits.perCustomer else { return }
            try await follow(id, after: last, signal, to: writer)
        }
    }

    /// The seq to go on after. What is no id of ours begins at the start; an id that lies ahead of the
    /// timeline would hide the entries to come.
    static func position(_ lastEventID: String?, newest: Int64) -> Int64 {
        guard let seq = lastEventID.flatMap({ Int64($0) }), seq > 0 else { return 0 }
        return min(seq, newest)
    }

    private func follow(
        _ id: OrderID, after last: Int64, _ signal: AsyncSignal, to writer: any BodyWriter
    ) async throws {
        var last = last
        var quietSince = ContinuousClock.now
        while true {
            let (entries, areLast) = try await view.entries(of: id, after: last)
            for entry in entries {
                let data = String(decoding: try JSONCoding.encode(entry), as: UTF8.self)
                let event = ServerSentEvent(id: String(entry.seq), event: entry.type, data: data)
                try await writer.write(event.bytes)
                last = entry.seq
            }
            if areLast { return }
            if !entries.isEmpty { quietSince = .now }
            let quiet = quietSince.duration(to: .now)
            if quiet >= limits.heartbeat {
                // Keeps proxies and dead peers honest; also notices a customer who left.
                try await writer.write(ServerSentEvent.heartbeat)
                quietSince = .now
            }
            let wait = min(limits.pollInterval, limits.heartbeat)
            _ = try await signal.wait(atMost: wait, on: loop)
        }
    }
}
