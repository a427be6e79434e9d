/// How to reach a broker, and every limit of the clients. The defaults are the profile of D8 and
/// the producer of D5.
package struct KafkaConfiguration: Sendable {
    /// `host:port` pairs, separated by commas.
    package var bootstrapServers: String
    /// Shown in the broker's log and in ours.
    package var clientID: String
    /// The embedded broker sleeps a fetch's whole `fetch.wait.max.ms` even if data arrives, so it
    /// is asked to wait shortly.
    package var isMock: Bool

    /// Records waiting for a delivery report; one more fails with `.queueFull`.
    package var producerQueueRecords = 10_000
    /// Kibibytes of records waiting for a delivery report.
    package var producerQueueKibibytes = 65_536
    /// Largest record the producer accepts, in bytes, headers included.
    package var largestRecordBytes = 1_000_000
    /// How long the library may retry a record before it reports failure.
    package var messageTimeout: Duration = .seconds(120)
    /// Topics that the producer asks for when it starts. Otherwise the library asks when the first
    /// record of a topic waits, and looks at such topics once a second only.
    package var producedTopics: [String] = []
    /// How long the producer waits for more records of a batch; the outbox relay batches already.
    package var linger: Duration = .zero

    /// A member that sends no heartbeat for so long has left the group.
    package var sessionTimeout: Duration = .seconds(6)
    package var heartbeatInterval: Duration = .seconds(2)
    /// A loop that serves no event for so long has left the group; also the rebalance time-out.
    package var pollTimeout: Duration = .seconds(30)
    /// How often stored offsets are committed while nothing is revoked.
    package var commitInterval: Duration = .seconds(1)
    /// How long a revocation waits for its commit.
    package var revokeCommitTimeout: Duration = .seconds(3)
    /// Records one `Consumer.next()` hands out at most.
    package var consumerBatchRecords = 500
    /// Records read ahead of `next()`; at this many the partitions are paused.
    package var consumerBufferRecords = 2_000
    /// Bytes read ahead of `next()`; at this many the partitions are paused.
    package var consumerBufferBytes = 16 << 20

    /// How long a probe or an administrative call may take in all.
    package var adminTimeout: Duration = .seconds(10)
    /// How long `close()` waits for outstanding delivery reports.
    package var closeTimeout: Duration = .seconds(5)

    package init(bootstrapServers: String, clientID: String, isMock: Bool = false) {
        self.bootstrapServers = bootstrapServers
        self.clientID = clientID
        self.isMock = isMock
    }
}
