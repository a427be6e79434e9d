import Basics
import Postgres
import ServiceKit
import Sockets
import Telemetry

/// Notices what another replica added to the timelines that streams of this process follow.
///
/// One for the process: its queries grow with the orders followed, divided by `chunkMax`, and never
/// take more than one connection. While nobody follows anything it does not ask.
struct TimelinePoller: LongRunning {
    /// Orders per query.
    static let chunkMax = 500

    let name = "timeline-poller"
    let pool: Pool
    let signals: TimelineSignals
    let loop: EventLoop
    let logger: Logger
    let interval: Duration
    var chunkMax = Self.chunkMax

    func run() async throws {
        while true {
            if signals.count == 0 { try await signals.firstJoined.wait() }
            // A stream reads once when it opens; the next look is due after that.
            try await loop.sleep(for: interval)
            do {
                try await poll()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // The streams stay: what they miss is found by a later look.
                logger.warning("timelines not polled", ["error": .init(describing: error)])
            }
        }
    }

    /// Asks once which followed orders have grown, and tells the streams that are behind.
    func poll() async throws {
        let followed = signals.followed
        for start in stride(from: 0, to: followed.count, by: chunkMax) {
            let chunk = followed[start..<min(start + chunkMax, followed.count)]
            for row in try await pool.query(OrderStore.newestEntries(of: Array(chunk))) {
                signals.reached(
                    try row.integer("newest"), of: OrderID(try row.id("order_id")))
            }
        }
    }
}
