extension CircuitBreaker {
    /// The numbers of a breaker; the defaults are those of CB-9.
    package struct Settings: Sendable, Hashable {
        package var window: OutcomeWindow.Span
        /// No verdict on fewer calls.
        package var callsMin: Int
        /// It opens at this share of failed calls, in percent.
        package var failurePercent: Int
        /// It opens at this share of slow calls, in percent.
        package var slowPercent: Int
        /// A call that takes longer is slow.
        package var slowAfter: Duration
        /// How long it stays open the first time; twice as long each further time, ± 20 %.
        package var wait: Duration
        /// The longest wait, before the ± 20 %.
        package var waitMax: Duration
        /// P of CB-5: calls that are let through to find out.
        package var probes: Int
        /// How long it waits for the probes' outcomes before it opens again (CB-6).
        package var halfOpenMax: Duration

        package init(
            window: OutcomeWindow.Span = .time(.seconds(10)), callsMin: Int = 20,
            failurePercent: Int = 50, slowPercent: Int = 80, slowAfter: Duration = .seconds(2),
            wait: Duration = .seconds(5), waitMax: Duration = .seconds(60), probes: Int = 5,
            halfOpenMax: Duration = .seconds(30)
        ) {
            self.window = window
            self.callsMin = callsMin
            self.failurePercent = failurePercent
            self.slowPercent = slowPercent
            self.slowAfter = slowAfter
            self.wait = wait
            self.waitMax = waitMax
            self.probes = probes
            self.halfOpenMax = halfOpenMax
        }

        /// A window of N calls can never hold more than N (CB-3).
        var callsNeeded: Int {
            switch window {
            case .calls(let count): min(max(1, callsMin), max(1, count))
            case .time: max(1, callsMin)
            }
        }

        /// CB-4: min(maximum, base · 2^(k−1)).
        func wait(opens: Int) -> Duration {
            // Sixty-three doublings are beyond any maximum.
            var left = min(max(opens, 1) - 1, 63)
            var wait = min(self.wait, waitMax)
            while left > 0, wait < waitMax {
                wait = min(wait * 2, waitMax)
                left -= 1
            }
            return wait
        }

        /// What is too much, in words; nil when nothing is.
        func complaint(about totals: OutcomeWindow.Totals) -> String? {
            if totals.errors * 100 >= failurePercent * totals.calls {
                return "\(totals.errors) of \(totals.calls) calls failed"
            }
            if totals.slow * 100 >= slowPercent * totals.calls {
                return "\(totals.slow) of \(totals.calls) calls were slow"
            }
            return nil
        }
    }
}
