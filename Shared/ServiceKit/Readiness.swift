import Foundation
import Synchronization

/// The result of one check.
package enum CheckState: Sendable, Equatable {
    case ready
    /// Must not get traffic; the cause is for an operator.
    case notReady(String)
    /// Serves, but something is wrong that an operator should see.
    case degraded(String)

    /// The longest cause kept, in characters.
    package static let causeMax = 500

    fileprivate var bounded: CheckState {
        switch self {
        case .ready: .ready
        case .notReady(let cause): .notReady(String(cause.prefix(Self.causeMax)))
        case .degraded(let cause): .degraded(String(cause.prefix(Self.causeMax)))
        }
    }

    fileprivate var word: String {
        switch self {
        case .ready: "ready"
        case .notReady: "not_ready"
        case .degraded: "degraded"
        }
    }

    fileprivate var cause: String? {
        switch self {
        case .ready: nil
        case .notReady(let cause), .degraded(let cause): cause
        }
    }
}

/// Everything that decides whether this process should get traffic (HC-1).
///
/// A check exists from its first `set`. Ready means that no check is not ready; a dead peer service
/// is never a check. Callable from any thread.
package final class Readiness: Sendable {
    /// The most checks kept; one more is a programmer's mistake.
    package static let checksMax = 64

    private let checks = Mutex<[String: CheckState]>([:])

    /// Without checks it is ready.
    package init() {}

    /// Creates a check or changes its state.
    package func set(_ check: String, _ state: CheckState) {
        checks.withLock { checks in
            precondition(
                checks[check] != nil || checks.count < Self.checksMax, "too many readiness checks")
            checks[check] = state.bounded
        }
    }

    /// The state of a check; nil when there is none of that name.
    package func state(of check: String) -> CheckState? { checks.withLock { $0[check] } }

    /// Forgets a check that no longer applies.
    package func remove(_ check: String) { checks.withLock { _ = $0.removeValue(forKey: check) } }

    /// Whether no check is not ready.
    package var isReady: Bool {
        checks.withLock { checks in
            checks.values.allSatisfy { state in
                if case .notReady = state { false } else { true }
            }
        }
    }

    /// What `/readyz` answers: `{"status":"ready|degraded|not_ready","checks":{name:{...}}}`.
    var report: ReadinessReport {
        let checks = checks.withLock { $0 }
        var status = "ready"
        for state in checks.values where status != "not_ready" {
            if state != .ready { status = state.word }
        }
        return ReadinessReport(
            status: status,
            checks: checks.mapValues { .init(status: $0.word, cause: $0.cause) })
    }
}

/// The body of `/readyz`; also read by the gateway's status page and by `mercatoctl`.
struct ReadinessReport: Codable, Sendable, Equatable {
    struct Check: Codable, Sendable, Equatable {
        var status: String
        var cause: String?
    }

    var status: String
    var checks: [String: Check]
}
