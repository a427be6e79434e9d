/// A condition that did not come true in time.
package struct NeverHappened: Error, CustomStringConvertible {
    package let what: String
    package let limit: Duration
    package var description: String { "\(what) did not happen within \(limit)" }
}

/// Polls until `condition` returns true, within a bound; tests wait for facts, never for time.
///
/// - Throws: `NeverHappened` naming `what`, or what the last try threw.
package func eventually(
    _ what: String = "the expected state", within limit: Duration = .seconds(30),
    every interval: Duration = .milliseconds(10),
    _ condition: @Sendable () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while true {
        let failure: (any Error)?
        do {
            if try await condition() { return }
            failure = nil
        } catch {
            failure = error
        }
        if clock.now >= end {
            throw failure ?? NeverHappened(what: what, limit: limit)
        }
        // The one place where tests pass time: between two looks, never instead of one.
        try await clock.sleep(for: interval)
    }
}
