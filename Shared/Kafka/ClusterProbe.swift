internal import Basics
internal import CKafka

/// What a service compares with what it remembers, to notice a broker that lost its log (D9).
package struct ClusterView: Sendable, Equatable {
    package let clusterID: String
    /// The newest value of the service's key in the canary topic; nil when there is none.
    package let canary: [UInt8]?

    package init(clusterID: String, canary: [UInt8]?) {
        self.clusterID = clusterID
        self.canary = canary
    }
}

/// Looks at a cluster with a short-lived client on a thread of its own.
package enum ClusterProbe {
    /// The cluster's id, and the newest record with `key` in the only partition of `canaryTopic`,
    /// read from its start to its end. Throws `.timedOut` or `.transport` when no broker answers
    /// within the configuration's `adminTimeout`.
    package static func look(
        _ configuration: KafkaConfiguration, canaryTopic: String, key: String
    ) async throws(KafkaError) -> ClusterView {
        try await BlockingThread.run("kafka-probe", atMost: configuration.adminTimeout) {
            () -> Result<ClusterView, KafkaError> in
            do throws(KafkaError) {
                let deadline = Deadline.after(configuration.adminTimeout)
                let client = try Client(.probe(configuration))
                let cluster = try client.clusterID(deadline)
                let place = TopicPartition(canaryTopic, 0)
                let canary = try retrying(client, until: deadline) { () throws(KafkaError) in
                    try newest(of: Array(key.utf8), in: place, client, deadline)
                }
                return .success(ClusterView(clusterID: cluster, canary: canary))
            } catch {
                return .failure(error)
            }
        }
    }

    /// A broker that is starting knows a partition before its leader, and itself before its topics.
    private static func retrying<T>(
        _ client: Client, until deadline: Deadline, _ body: () throws(KafkaError) -> T
    ) throws(KafkaError) -> T {
        while true {
            do throws(KafkaError) {
                return try body()
            } catch {
                let isFinal = error.isFatal || error.code == .notAuthorized
                if isFinal || deadline.remaining < pause { throw error }
                _ = client.poll(milliseconds: Int32(clamping: pause.inMilliseconds))
            }
        }
    }

    /// Between two tries; an event of the client ends it early.
    private static let pause: Duration = .milliseconds(100)

    private static func newest(
        of key: [UInt8], in place: TopicPartition, _ client: Client, _ deadline: Deadline
    ) throws(KafkaError) -> [UInt8]? {
        let (low, high) = try client.watermarks(
            place, milliseconds: Int32(clamping: max(1, deadline.remaining.inMilliseconds)))
        guard low < high else { return nil }
        if let error = client.assign([place], at: Int64(RD_KAFKA_OFFSET_BEGINNING)) { throw error }
        var found: [UInt8]?
        while !deadline.isPast {
            let wait = Int32(clamping: max(1, deadline.remaining.inMilliseconds))
            switch client.poll(milliseconds: wait) {
            case .record(let record):
                if record.key == key { found = record.value }
                if record.offset + 1 >= high { return found }
            // Compaction may have taken the last records before the end, so the end counts too.
            case .partitionError(_, let error, _) where error.isEndOfPartition:
                return found
            case .partitionError(_, let error, _):
                throw error
            case .error(let error) where error.isFatal:
                throw error
            default:
                break
            }
        }
        throw KafkaError(.timedOut, "the canary topic was not read in time")
    }
}

extension KafkaError {
    var isEndOfPartition: Bool { number == RD_KAFKA_RESP_ERR__PARTITION_EOF.rawValue }
}
