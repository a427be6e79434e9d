/// One fault at one target, ready to be done, watched and taken back.
package protocol FaultInjector: Sendable {
    /// Begins the fault.
    ///
    /// - Returns: what exactly was done, for the report.
    func strike() async throws -> String

    /// Takes it back, whatever came of `strike`, and returns when the target is there again. Done a
    /// second time it changes nothing.
    ///
    /// - Returns: what exactly was done.
    func mend() async throws -> String

    /// What can be seen of the target now, without believing this program.
    func look() async -> [Sighting]
}

/// How faults are done in one kind of place.
package protocol ChaosBackend: Sendable {
    var place: PlaceKind { get }

    /// Why this fault is not possible here; nil when it is. Asks nobody.
    func obstacle(to fault: ChaosFault) -> String?

    /// Finds the target as it is before the fault; throws when there is none.
    func injector(for fault: ChaosFault) async throws -> any FaultInjector
}
