import Basics
import HTTP
import Sockets
import Synchronization

/// Tells streams of one order that its timeline grew in this process.
final class TimelineSignals: Sendable {
    private let waiting = Mutex<[OrderID: [ObjectIdentifier: AsyncSignal]]>([:])

    /// Called after each commit that added to the order's timeline.
    func changed(_ orderID: OrderID) {
        let signals = waiting.withLock { $0[orderID].map { Array($0.values) } ?? [] }
        for signal in signals { signal.raise() }
    }

    /// A signal that is raised from now on; give it back with `leave`.
    func join(_ orderID: OrderID) -> AsyncSignal {
        let signal = AsyncSignal()
        waiting.withLock { $0[orderID, default: [:]][ObjectIdentifier(signal)] = signal }
        return signal
    }

    func leave(_ orderID: OrderID, _ signal: AsyncSignal) {
        waiting.withLock { waiting in
            waiting[orderID]?[ObjectIdentifier(signal)] = nil
            if waiting[orderID]?.isEmpty == true { waiting[orderID] = nil }
        }
    }

    var count: Int { waiting.withLock { $0.values.reduce(0) { $0 + $1.count } } }
}

/// `GET /v1/orders/{id}/events`: the timeline as server-sent events, live until the order ends.
struct OrderStream: Sendable {
    /// How often the table is read without a signal: the saga may run in another replica.
    static let pollInterval: Duration = .seconds(1)

    let view: OrderView
    let signals: TimelineSignals
    let loop: EventLoop
    let heartbeat: Duration
    let streamsMax: Int

    func handle(_ request: Request) async throws -> Response {
        let customer = try Caller.customer(of: request)
        let id = try OrderView.orderID(of: request)
        guard try await view.owns(customer, id) else { throw OrderView.notFound }
        guard signals.count < streamsMax else {
            throw Problem.unavailable("overloaded", "Too many streams are open; try again.")
        }
        let last = request.headers["last-event-id"].flatMap { Int64($0) } ?? 0
        return .stream(
            200, type: ServerSentEvent.mediaType,
            headers: ["cache-control": "no-store", "x-accel-buffering": "no"]
        ) { writer in
            let signal = signals.join(id)
            defer { signals.leave(id, signal) }
            try await follow(id, after: last, signal, to: writer)
        }
    }

    private func follow(
        _ id: OrderID, after last: Int64, _ signal: AsyncSignal, to writer: any BodyWriter
    ) async throws {
        var last = last
        var quietSince = ContinuousClock.now
        while true {
            let entries = try await view.entries(of: id, after: last)
            for entry in entries {
                let data = String(decoding: try JSONCoding.encode(entry), as: UTF8.self)
                let event = ServerSentEvent(id: String(entry.seq), event: entry.type, data: data)
                try await writer.write(event.bytes)
                last = entry.seq
                if Self.isLast(entry.type) { return }
            }
            if !entries.isEmpty { quietSince = .now }
            let quiet = quietSince.duration(to: .now)
            if quiet >= heartbeat {
                // Keeps proxies and dead peers honest; also notices a customer who left.
                try await writer.write(ServerSentEvent.heartbeat)
                quietSince = .now
            }
            _ = try await signal.wait(atMost: min(Self.pollInterval, heartbeat), on: loop)
        }
    }

    private static func isLast(_ type: String) -> Bool {
        type == CheckoutPlan.EntryType.confirmed || type == CheckoutPlan.EntryType.cancelled
    }
}
