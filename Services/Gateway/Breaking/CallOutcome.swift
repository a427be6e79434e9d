import Basics
import HTTP
import HTTPClient
import Resilience

/// What a call says about its upstream (CB-8).
enum CallOutcome {
    /// Its own faults count; what it refuses for good reasons does not.
    static func of(status: Int) -> CircuitBreaker.Outcome {
        switch status {
        case 500, 502, 503, 504: .failure
        default: .success
        }
    }

    /// - Parameters:
    ///   - waited: how long the call took.
    ///   - patience: a call that was cut off sooner was cut off by its caller's own short limit,
    ///     which says nothing about the upstream; else any client could open the breaker for all.
    static func of(
        _ error: ClientError, waited: Duration, patience: Duration
    ) -> CircuitBreaker.Outcome {
        switch error.code {
        case .connectFailed, .tlsFailed, .reset, .malformed, .tooLarge: .failure
        case .timeout: waited >= patience ? .failure : .ignored
        // Refusals of our own, and clients that went away, never feed the breaker.
        case .poolExhausted, .invalidRequest, .cancelled: .ignored
        }
    }
}
