import Basics

extension Invariant {
    /// 22 (the part that the books can show): one idempotency key, one order, and back.
    static let oneKeyOneOrder = Invariant(22, "one idempotency key, one order") { state in
        struct Key: Hashable {
            let customer: UniqueID
            let key: String
        }
        var findings: [Finding] = []
        let orders = Dictionary(grouping: state.orders.values) {
            Key(customer: $0.customer, key: $0.key)
        }
        for (key, found) in orders where found.count > 1 {
            findings.append(Finding(22, key.key, "has \(found.count) orders"))
        }
        let rows = Dictionary(grouping: state.keys) { Key(customer: $0.principal, key: $0.key) }
        for (key, found) in rows {
            if found.count > 1 {
                findings.append(Finding(22, key.key, "is on the books \(found.count) times"))
            }
            for row in found {
                guard let order = row.order else { continue }
                guard let named = state.orders[order] else {
                    findings.append(Finding(22, key.key, "names the unknown order \(order)"))
                    continue
                }
                if named.customer != key.customer || named.key != key.key {
                    findings.append(Finding(22, key.key, "names the order \(order) of another key"))
                }
            }
        }
        return findings
    }
}
