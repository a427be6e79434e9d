import Basics
import Sockets
import Support
import Synchronization
import Testing

@testable import Mercatoctl

@Suite struct OpenLoopTests {
    @Test func `arrivals come at the fixed rate, none before its instant`() async throws {
        try await TestLoop.run { loop in
            let early = Atomic<Int>(0)
            let openLoop = try OpenLoop(rate: 200, duration: .milliseconds(250))
            let began = ContinuousClock.now
            let tally = try await openLoop.run(on: loop) { arrival in
                if ContinuousClock.now < arrival.intended {
                    early.add(1, ordering: .relaxed)
                }
            }
            #expect(tally.planned == 50 && tally.started == 50 && tally.notSent == 0)
            #expect(early.load(ordering: .relaxed) == 0)
            #expect(began.duration(to: .now) >= .milliseconds(245))
        }
    }

    @Test func `slow answers do not slow the arrivals down`() async throws {
        try await TestLoop.run { loop in
            let intended = Mutex<[ContinuousClock.Instant]>([])
            // Every answer takes longer than the whole run: a closed loop would send one request.
            let tally = try await OpenLoop(rate: 100, duration: .milliseconds(200)).run(on: loop) {
                arrival in
                intended.withLock { $0.append(arrival.intended) }
                // Ignored: nobody cancels this test.
                try? await loop.sleep(for: .milliseconds(300))
            }
            #expect(tally.started == 20)
            let instants = intended.withLock { $0 }
            for (earlier, later) in zip(instants, instants.dropFirst()) {
                #expect(earlier.duration(to: later) == .milliseconds(10))
            }
        }
    }

    @Test func `an arrival over the limit in flight is counted as not sent`() async throws {
        try await TestLoop.run { loop in
            let skipped = Mutex<[Int]>([])
            let openLoop = try OpenLoop(rate: 100, duration: .milliseconds(100), maxInFlight: 3)
            let release = AsyncSignal()
            let tally = try await openLoop.run(
                on: loop,
                skipped: { arrival in
                    skipped.withLock { $0.append(arrival.index) }
                    if arrival.index == 9 { release.raise() }
                }
            ) { arrival in
                // Ignored: the signal comes with the last arrival, or the test fails below.
                if arrival.index == 0 { _ = try? await release.wait(atMost: .seconds(10), on: loop) }
                if arrival.index > 0 { try? await loop.sleep(for: .milliseconds(200)) }  // Ignored: the same.
            }
            #expect(tally.planned == 10 && tally.started == 3 && tally.notSent == 7)
            #expect(skipped.withLock { $0 } == [3, 4, 5, 6, 7, 8, 9])
        }
    }

    @Test(arguments: [
        (0.0, 1, 10), (6_000.0, 1, 10), (1.0, 0, 10), (1.0, 4_000, 10), (5_000.0, 3_000, 10),
        (1.0, 1, 0), (1.0, 1, 100_000),
    ])
    func `a run without bounds is refused`(rate: Double, seconds: Int, inFlight: Int) {
        #expect(throws: CommandFailure.self) {
            try OpenLoop(rate: rate, duration: .seconds(seconds), maxInFlight: inFlight)
        }
    }

    @Test func `cancellation ends the run and what is under way`() async throws {
        try await TestLoop.run { loop in
            let ended = Atomic<Int>(0)
            let openLoop = try OpenLoop(rate: 50, duration: .seconds(60))
            await #expect(throws: (any Error).self) {
                try await loop.withTimeout(.milliseconds(100)) {
                    _ = try await openLoop.run(on: loop) { _ in
                        // Ignored: being cancelled is the point.
                        try? await loop.sleep(for: .seconds(60))
                        ended.add(1, ordering: .relaxed)
                    }
                }
            }
            #expect(ended.load(ordering: .relaxed) >= 1)
        }
    }
}

@Suite struct LatencyHistogramTests {
    @Test func `quantiles are right within one percent, the maximum exactly`() throws {
        var histogram = LatencyHistogram()
        for value in 1...100_000 { histogram.record(.microseconds(value * 7)) }
        for (share, exact) in [(0.5, 350_000.0), (0.9, 630_000), (0.99, 693_000)] {
            let found = try #require(histogram.quantile(share))
            #expect(abs(Double(found.inMicroseconds) - exact) / exact < 0.01, "p\(share)")
        }
        #expect(histogram.largest == .microseconds(700_000))
        #expect(histogram.quantile(1) == .microseconds(700_000))
        #expect(histogram.count == 100_000)
    }

    @Test func `every value falls into a bucket that holds it`() {
        var value: Int64 = 0
        while value < 1 << 39 {
            let bucket = LatencyHistogram.bucket(of: value)
            #expect(LatencyHistogram.upperBound(of: bucket) >= value)
            if bucket > 0 { #expect(LatencyHistogram.upperBound(of: bucket - 1) < value) }
            value = value * 9 / 8 + 1
        }
    }

    @Test func `nothing observed has no quantile; negative and endless durations are bounded`() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == nil && histogram.largest == nil)
        histogram.record(.seconds(-1))
        histogram.record(.seconds(100_000_000))
        #expect(histogram.quantile(0) == .zero)
        #expect(histogram.count == 2)
    }
}
