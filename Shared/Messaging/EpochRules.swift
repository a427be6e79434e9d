import Basics
package import Kafka

/// What we last knew of the broker: a row of `broker_epochs`.
package struct BrokerEpoch: Sendable, Equatable {
    package let epoch: Int64
    package let clusterID: String
    package let canary: String
    /// Whether the broker ever acknowledged the canary.
    package let isCanaryOut: Bool
    /// Whether everything that the new log needs was queued again.
    package let isRefilled: Bool

    package init(
        epoch: Int64, clusterID: String, canary: String, isCanaryOut: Bool = true,
        isRefilled: Bool = true
    ) {
        self.epoch = epoch
        self.clusterID = clusterID
        self.canary = canary
        self.isCanaryOut = isCanaryOut
        self.isRefilled = isRefilled
    }
}

/// Is the broker in front of us still the log we knew? (D9)
package enum EpochVerdict: Sendable, Equatable {
    /// No row yet: the service's first start is no change of epoch.
    case first
    case same
    /// The log we know, but our canary never reached it: it is sent again.
    case canaryOwed
    /// Another log; the cause is stored with the new epoch.
    case new(cause: String)

    /// `outOfRange`: a reader of ours had an offset that the log does not have.
    package static func judge(known: BrokerEpoch?, seen: ClusterView, outOfRange: Bool) -> Self {
        guard let known else { return .first }
        if seen.clusterID != known.clusterID { return .new(cause: "cluster_id_changed") }
        guard let canary = seen.canary else {
            return known.isCanaryOut ? .new(cause: "canary_missing") : .canaryOwed
        }
        if String(decoding: canary, as: UTF8.self) != known.canary {
            return .new(cause: "canary_differs")
        }
        return outOfRange ? .new(cause: "offset_out_of_range") : .same
    }
}
