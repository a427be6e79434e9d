import Basics
package import Sockets
import Synchronization

/// Arrivals at a fixed rate, whatever becomes of them: an open loop, as customers are one.
///
/// A closed loop (the next request after the last answer) slows down with the system that it
/// measures and so hides its worst moments. Here each arrival has an intended instant, known before
/// the run; whoever counts latency from it counts the waiting, too (no coordinated omission).
package struct OpenLoop: Sendable {
    /// Arrivals per second.
    package static let rateRange = 0.1...5_000.0
    package static let durationMax = Duration.seconds(3_600)
    /// Arrivals of one run.
    package static let arrivalsMax = 1_000_000
    /// Below the connections that the gateway takes from one peer, streams included.
    package static let inFlightMax = 1_200

    package struct Arrival: Sendable {
        /// From 0 on.
        package let index: Int
        /// When it should begin; it may begin later, never earlier.
        package let intended: ContinuousClock.Instant
    }

    /// What became of the arrivals.
    package struct Tally: Sendable, Equatable {
        package var planned = 0
        package var started = 0
        /// Due while `maxInFlight` others were under way: counted, and not made up for later.
        package var notSent = 0
        /// The latest start after its intended instant: how busy the generator itself was.
        package var latest = Duration.zero

        package init() {}
    }

    package let rate: Double
    package let duration: Duration
    package let maxInFlight: Int

    /// - Throws: `CommandFailure` with `usage` when a bound is passed.
    package init(rate: Double, duration: Duration, maxInFlight: Int = OpenLoop.inFlightMax)
        throws(CommandFailure)
    {
        guard Self.rateRange.contains(rate) else {
            throw CommandFailure(
                .usage, "the rate must be from \(Self.rateRange.lowerBound) to "
                    + "\(Self.rateRange.upperBound) arrivals per second")
        }
        guard duration > .zero, duration <= Self.durationMax else {
            throw CommandFailure(.usage, "a run takes more than 0 s and at most 3600 s")
        }
        guard rate * duration.inSeconds <= Double(Self.arrivalsMax) else {
            throw CommandFailure(.usage, "a run has at most \(Self.arrivalsMax) arrivals")
        }
        guard (1...Self.inFlightMax).contains(maxInFlight) else {
            throw CommandFailure(.usage, "from 1 to \(Self.inFlightMax) may be in flight")
        }
        self.rate = rate
        self.duration = duration
        self.maxInFlight = maxInFlight
    }

    /// How many arrivals a whole run has.
    package var planned: Int { max(1, Int((rate * duration.inSeconds).rounded())) }

    /// When an arrival is due, after the start.
    package func offset(of index: Int) -> Duration {
        .microseconds(Int64((Double(index) / rate * 1e6).rounded()))
    }

    /// Begins `body` at each arrival's instant, as a task of its own on `loop`, and returns when the
    /// last of them has ended. Cancellation is passed on to those under way.
    ///
    /// - Parameter skipped: called for an arrival that is not sent.
    package func run(
        on loop: EventLoop, skipped: @escaping @Sendable (Arrival) -> Void = { _ in },
        _ body: @escaping @Sendable (Arrival) async -> Void
    ) async throws -> Tally {
        let underWay = InFlight()
        let start = ContinuousClock.now
        return try await withThrowingDiscardingTaskGroup { group in
            var tally = Tally()
            tally.planned = planned
            for index in 0..<planned {
                let arrival = Arrival(index: index, intended: start + offset(of: index))
                let wait = ContinuousClock.now.duration(to: arrival.intended)
                // Late arrivals follow at once: their number stays what was asked for.
                if wait > .zero { try await loop.sleep(for: wait) }
                try Task.checkCancellation()
                guard underWay.enter(limit: maxInFlight) else {
                    tally.notSent += 1
                    skipped(arrival)
                    continue
                }
                tally.started += 1
                tally.latest = max(tally.latest, arrival.intended.duration(to: .now))
                group.addTask(executorPreference: loop) {
                    await body(arrival)
                    underWay.leave()
                }
            }
            return tally
        }
    }
}

/// How many bodies are under way.
private final class InFlight: Sendable {
    private let count = Atomic<Int>(0)

    /// Only the arrivals' loop enters, so nobody can pass the limit between the look and the step.
    func enter(limit: Int) -> Bool {
        guard count.load(ordering: .acquiring) < limit else { return false }
        count.add(1, ordering: .acquiringAndReleasing)
        return true
    }

    func leave() { count.subtract(1, ordering: .acquiringAndReleasing) }
}
