import Basics

extension Invariant {
    /// 22 (the part that the books can show): every order has its idempotency key on the books, every
    /// key its order, and neither has two.
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
        let kept = Set(state.keys.map { Key(customer: $0.principal, key: $0.key) })
        for (key, found) in orders where !kept.contains(key) {
            findings += found.map { Finding(22, key.key, "is not kept, its order is \($0.id)") }
        }
        let rows = Dictionary(grouping: state.keys) { Key(customer: $0.principal, key: $0.key) }
        for (key, found) in rows {
            if found.count > 1 {
                findings.append(Finding(22, key.key, "is on the books \(found.count) times"))
            }
            for row in found {
                guard let named = state.orders[row.order] else {
                    findings.append(Finding(22, key.key, "names the unknown order \(row.order)"))
                    continue
                }
                if named.customer != key.customer || named.key != key.key {
                    findings.append(Finding(22, key.key, "names the order \(row.order) of another key"))
                }
            }
        }
        return findings
    }
}
