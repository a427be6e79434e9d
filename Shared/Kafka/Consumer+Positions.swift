internal import Basics
internal import CKafka
internal import Sockets

/// Offsets: storing, seeking, pausing, and bounding what is read ahead.
extension Consumer {
    /// Says that everything of the partition before `nextOffset` is done; call it after the
    /// database's COMMIT. Pass the record's `generation`. False, and nothing stored, when the
    /// partition was revoked or repositioned meanwhile.
    @discardableResult
    package func store(
        _ place: TopicPartition, nextOffset: Int64, generation: Int? = nil
    ) -> Bool {
        guard let client,
            ledger.mayStore(place, nextOffset: nextOffset, generation: generation)
        else { return false }
        let error = client.store(place, nextOffset: nextOffset)
        note(error)
        if error == nil { ledger.settled(place, upTo: nextOffset) }
        return error == nil
    }

    /// Reads these partitions from the start of the log again.
    package func seekToStart(_ places: [TopicPartition]) {
        move(places.map { ($0, nil) })
    }

    /// Reads on at `offset`.
    package func seek(_ place: TopicPartition, offset: Int64) {
        move([(place, offset)])
    }

    /// Stops delivery. Records read ahead are dropped and come again after `resume`. Pausing twice
    /// is one pause.
    package func pause(_ places: [TopicPartition]) {
        guard let client else { return }
        let fresh = places.filter { ledger.owns($0) && !ledger.isPaused($0) }
        guard !fresh.isEmpty else { return }
        for (place, offset) in buffer.discard(Set(fresh)) { ledger.rewind(place, to: offset) }
        for place in fresh { ledger.setPaused(place, true) }
        note(client.pause(fresh))
        balance()
    }

    /// Delivers again what follows the last record that the owner was given.
    package func resume(_ places: [TopicPartition]) {
        let paused = places.filter { ledger.isPaused($0) }
        for place in paused { ledger.setPaused(place, false) }
        if !holdBack.isOn { flow(paused) }
    }

    /// The partitions that are ours at this moment.
    package var assignment: [TopicPartition] { ledger.owned }

    /// Records between what the owner has settled and the end of the log, as the last fetch answer
    /// told it; partitions of which either is unknown are missing.
    package func lag() -> [TopicPartition: Int64] {
        var result: [TopicPartition: Int64] = [:]
        for place in ledger.owned {
            guard let range = client?.knownRange(place), let next = ledger.settledUpTo(place) else {
                continue
            }
            result[place] = max(0, range.end - max(next, range.low))
        }
        return result
    }

    /// The offset after the last record of each partition, asked of the broker.
    package func endOffsets(
        _ places: [TopicPartition]
    ) async throws(KafkaError) -> [TopicPartition: Int64] {
        guard let client else { throw KafkaError(.closed, "the consumer was closed") }
        let limit = configuration.adminTimeout
        return try await BlockingThread.run("kafka-offsets", atMost: limit) {
            () -> Result<[TopicPartition: Int64], KafkaError> in
            let deadline = Deadline.after(limit)
            var ends: [TopicPartition: Int64] = [:]
            do throws(KafkaError) {
                for place in places {
                    let left = Int32(clamping: max(1, deadline.remaining.inMilliseconds))
                    ends[place] = try client.watermarks(place, milliseconds: left).high
                }
            } catch {
                return .failure(error)
            }
            return .success(ends)
        }
    }

    private func move(_ positions: [(TopicPartition, Int64?)]) {
        let known = positions.filter { ledger.owns($0.0) }
        guard client != nil, !known.isEmpty else { return }
        _ = buffer.discard(Set(known.map(\.0)))
        for (place, offset) in known { ledger.move(place, to: offset) }
        balance()
        // Requests for reset come one by one for each partition; they are answered together.
        guard repositioning == nil else { return }
        repositioning = loop.schedule(after: Self.repositionDelay) { [weak self] in
            self?.assumeIsolated { $0.reposition() }
        }
    }

    private static let repositionDelay: Duration = .milliseconds(2)

    /// A seek alone is not enough: the library ignores it, without an error, for a partition that
    /// it does not read at that moment (just assigned, or without a usable offset). So the whole
    /// assignment is made again with explicit offsets. The seek before it marks whatever is still
    /// queued for the old positions as outdated.
    private func reposition() {
        repositioning = nil
        let moving = ledger.moving
        guard let client, case .idle = rebalance, !moving.isEmpty else { return }
        note(
            client.seek(
                moving.map { ($0, ledger.position($0) ?? Int64(RD_KAFKA_OFFSET_BEGINNING)) }))
        note(client.assign(ledger.readable.map { ($0, ledger.position($0)) }))
        ledger.settle()
        // A new assignment forgets its pauses.
        let still = holdBack.isOn ? ledger.readable : ledger.paused
        if !still.isEmpty { note(client.pause(still)) }
    }

    // MARK: Bounded reading ahead

    /// Stops or goes on reading ahead. Called after every change of the buffer.
    func balance() {
        guard let client else { return }
        switch holdBack.judge(records: buffer.records, bytes: buffer.bytes) {
        case .stop: note(client.pause(ledger.flowing))
        case .go: flow(ledger.flowing)
        case nil: break
        }
    }

    /// Resumes and then seeks: the library's own position is not ours (D8).
    private func flow(_ places: [TopicPartition]) {
        guard let client, !places.isEmpty else { return }
        note(client.resume(places))
        let positions = places.compactMap { place in
            ledger.position(place).map { (place, $0) }
        }
        if !positions.isEmpty { note(client.seek(positions)) }
    }
}
