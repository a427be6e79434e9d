import Basics

extension Invariant {
    /// 18: each order has a saga, whose log is contiguous from 1, every step an edge of correctness.md
    /// §2, and nothing follows a terminal state.
    static let legalPath = Invariant(18, "every saga took a legal path") { state in
        struct Key: Hashable {
            let order: UniqueID
            let type: String
        }
        let logs = Dictionary(grouping: state.sagaLog) { Key(order: $0.order, type: $0.type) }
        let instances = Dictionary(
            state.sagas.map { (Key(order: $0.order, type: $0.type), $0) },
            uniquingKeysWith: { first, _ in first })
        let checkouts = state.orders.keys.map { Key(order: $0, type: AuditState.checkout) }
        return Set(logs.keys).union(instances.keys).union(checkouts).compactMap { key in
            let log = (logs[key] ?? []).sorted { $0.seq < $1.seq }
            return fault(in: log, of: instances[key]).map {
                Finding(18, key.order.description, "\(key.type): \($0)")
            }
        }
    }

    private static func fault(
        in log: [AuditState.SagaTransition], of saga: AuditState.Saga?
    ) -> String? {
        var state = "NEW"
        for (index, step) in log.enumerated() {
            if step.seq != Int64(index) + 1 {
                return "transition \(index + 1) is missing, the next is \(step.seq)"
            }
            if step.from != state {
                return "transition \(step.seq) starts at \(step.from), the saga was \(state)"
            }
            if step.type == AuditState.checkout, !edges[step.from, default: []].contains(step.to) {
                return "transition \(step.seq) goes from \(step.from) to \(step.to)"
            }
            state = step.to
        }
        guard let saga else { return log.isEmpty ? "no saga" : "has a log but no instance" }
        if saga.state != state || saga.version != Int64(log.count) {
            return "is \(saga.state) at version \(saga.version), its log ends with \(state) "
                + "at \(log.count)"
        }
        return nil
    }

    /// The checkout's edges. Terminal states have none, so nothing can follow them.
    private static let edges: [String: Set<String>] = [
        "NEW": ["RESERVING"],
        "RESERVING": ["AUTHORIZING", "CANCELLED", "COMPENSATING"],
        "AUTHORIZING": ["COMMITTING", "COMPENSATING"],
        "COMMITTING": ["CAPTURING", "COMPENSATING"],
        "CAPTURING": ["CONFIRMED", "COMPENSATING"],
        "COMPENSATING": ["COMPENSATING", "CANCELLED"],
    ]
}
