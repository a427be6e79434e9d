package import Kafka

/// How far a consumer has to read before silence means silence, and before a partition has followed
/// the present broker epoch. Pure.
package struct CatchUp: Sendable {
    private struct Goal: Sendable {
        let end: Int64
        /// The stay of the partition that counts: an offset settled in an earlier one may be of
        /// another log.
        let generation: Int
        /// The epoch that is followed once the end is reached; nil when it was followed before.
        let epoch: Int64?
    }

    private var goals: [TopicPartition: Goal] = [:]
    private var hasBegun = false

    package init() {}

    /// Every partition was read to the end it had when it became ours.
    package var isDone: Bool { hasBegun && goals.isEmpty }

    /// A partition is read from `position`, and had its end at `end`; `following` names the epoch
    /// when it is read from the log's start because of it.
    ///
    /// - Returns: the epoch that is followed at once, because there is nothing to read.
    package mutating func expect(
        _ place: TopicPartition, from position: Int64, to end: Int64, in generation: Int,
        following epoch: Int64?
    ) -> Int64? {
        hasBegun = true
        guard position < end else {
            goals[place] = nil
            return epoch
        }
        goals[place] = Goal(end: end, generation: generation, epoch: epoch)
        return nil
    }

    /// Everything before `nextOffset` is settled: handled, dropped or parked, and stored.
    ///
    /// - Returns: the epoch that the partition has followed by this.
    package mutating func settled(
        _ place: TopicPartition, nextOffset: Int64, in generation: Int
    ) -> Int64? {
        guard let goal = goals[place], generation >= goal.generation, nextOffset >= goal.end else {
            return nil
        }
        goals[place] = nil
        return goal.epoch
    }

    /// Partitions that are no longer ours: somebody else reads them.
    package mutating func drop(_ places: [TopicPartition]) {
        for place in places { goals[place] = nil }
    }

    /// The handle is lost, and with it every position.
    package mutating func reset() { self = CatchUp() }
}
