internal import Sockets
internal import Telemetry

/// Assignment and revocation, eager: a rebalance gives everything back first.
extension Consumer {
    func assigned(_ places: [TopicPartition]) {
        guard let client else { return }
        note(client.assign(places.map { ($0, nil) }))
        ledger.assign(places)
        logger.info("kafka partitions assigned", ["partitions": .init(places.count)])
        buffer.append(.assigned(places))
    }

    /// From here on nothing of any partition is delivered or stored, since our answer, `unassign`,
    /// gives all of them back. The library waits for it; it follows when the stored offsets are
    /// committed.
    func revoking(_ places: [TopicPartition]) {
        guard let client else { return }
        let owned = ledger.owned
        let paused = holdBack.isOn ? owned : ledger.paused
        // Not every version of the library forgets a pause together with the partition.
        if !paused.isEmpty { note(client.resume(paused)) }
        ledger.revoke(owned)
        _ = buffer.discard(Set(owned))
        balance()
        lastCommitToken += 1
        let token = lastCommitToken
        let limit = loop.schedule(after: configuration.revokeCommitTimeout) { [weak self] in
            self?.assumeIsolated { consumer in
                consumer.committed(
                    token: token, KafkaError(.timedOut, "commit before a revocation"))
                consumer.wakeIfReady()
            }
        }
        rebalance = .revoking(places, token: token, limit: limit)
        // Thrown out of the group: the broker would refuse the commit, so none is tried.
        guard !client.isAssignmentLost else { return committed(token: token, nil) }
        if let error = client.commitStored(token: token) { committed(token: token, error) }
    }

    func committed(token: UInt, _ error: KafkaError?) {
        guard case .revoking(let places, token, let limit) = rebalance, let client else { return }
        loop.cancel(limit)
        rebalance = .idle
        // What was not committed is delivered again elsewhere, and the inbox knows it (D5).
        note(error)
        note(client.unassign())
        logger.info("kafka partitions revoked", ["partitions": .init(places.count)])
        buffer.append(.revoked(places))
    }

    func note(_ error: KafkaError?) {
        guard let error else { return }
        logger.warning("kafka call failed", ["cause": .init(describing: error)])
    }
}
