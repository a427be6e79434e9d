import Contracts
import Kafka
import Sockets
import Support
import Testing

@Suite struct RebalanceTests {
    @Test func `two members share the partitions, and nothing committed is read twice (D8)`()
        async throws
    {
        // The embedded broker refuses commits while a rebalance is under way, so the first member
        // has to come back with everything committed.
        try await Rig.with { rig in try await twoMembers(rig, commitBeforehand: true) }
    }
}

/// A second member joins, takes half of the partitions, and leaves again.
func twoMembers(_ rig: Rig, commitBeforehand: Bool) async throws {
    let producer = try rig.producer()
    let before = (0..<120).map { "before-\($0)" }
    try await rig.publish(producer, before)
    var first = try rig.consumer("shared")
    _ = try await rig.read(first, before)
    if commitBeforehand {
        await first.close()
        first = try rig.consumer("shared")
        _ = try await share(rig, first)
    }

    let second = try rig.consumer("shared")
    async let joined = share(rig, second)
    let gaveUp = try await rig.first(first) { event in
        if case .revoked(let places) = event { places } else { nil }
    }
    #expect(gaveUp.count == 12)
    let kept = try await share(rig, first)
    let taken = try await joined
    #expect(kept.count + taken.count == 12)
    #expect(Set(kept).isDisjoint(with: taken))

    // A revoked partition's offset is refused from now on.
    let lost = try #require(taken.first)
    let isStored = await first.store(lost, nextOffset: 1)
    #expect(!isStored)

    let after = (0..<60).map { "after-\($0)" }
    let mine = after.filter { kept.contains(place(of: $0)) }
    let theirs = after.filter { taken.contains(place(of: $0)) }
    try await rig.publish(producer, after)
    async let others = rig.read(second, theirs)
    let own = try await rig.read(first, mine)
    #expect(own.map(\.keyText).sorted() == mine.sorted())
    let foreign = try await others
    #expect(foreign.map(\.keyText).sorted() == theirs.sorted())

    await second.close()
    let all = try await share(rig, first)
    #expect(all.count == 12)
    await first.close()
    await producer.close()
}

private func share(_ rig: Rig, _ consumer: Consumer) async throws -> [TopicPartition] {
    try await rig.first(consumer) { event in
        if case .assigned(let places) = event, !places.isEmpty { places } else { nil }
    }
}

private func place(of key: String) -> TopicPartition {
    TopicPartition(Rig.topic, Murmur2.partition(key: Array(key.utf8), count: 12))
}
