import Basics

extension Invariant {
    /// 17: every order has a saga, and every saga has ended or is parked with a reason; nothing waits
    /// in an outbox, and no payment operation is in doubt.
    static let liveness = Invariant(17, "nothing is stuck") { state in
        pending(state).map { Finding(17, $0.id, $0.what) }
    }

    /// What is still under way; empty means quiescent. Parked sagas wait for a person, not for us,
    /// and so do the operations of their orders.
    package static func pending(_ state: AuditState) -> [(id: String, what: String)] {
        let parked = Set(state.sagas.filter { $0.parkedReason != nil }.map(\.order))
        let sagas = state.sagas.filter { !$0.isTerminal && $0.parkedReason == nil }
            .map { (id: $0.order.description, what: "its \($0.type) saga is still \($0.state)") }
        let operations = state.operations.filter { $0.isOpen && !parked.contains($0.order) }
            .map { (id: $0.order.description, what: "its \($0.kind) operation is \($0.state)") }
        let outboxes = state.unpublished.filter { $0.value > 0 }.sorted { $0.key < $1.key }
            .map { (id: $0.key, what: "\($0.value) outbox rows are not published") }
        let checkouts = state.checkoutStates
        let lost = state.orders.keys.filter { checkouts[$0] == nil }
            .map { (id: $0.description, what: "it has no \(AuditState.checkout) saga") }
        return lost + sagas + operations + outboxes
    }
}
