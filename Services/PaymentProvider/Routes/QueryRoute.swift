import HTTP

/// GET /v1/operations?key=… or ?merchant_reference=…: what is on the books. An unknown name has an
/// empty list, which is an answer, not an error; it is no proof that nothing is on its way.
struct QueryRoute: Sendable {
    let desk: ProviderDesk

    func add(to router: inout Router) {
        router.on(.get, "/v1/operations") { request in
            let known: [ProviderLedger.Known]
            if let key = request.query("key") {
                known = await desk.query(key: key).map { [$0] } ?? []
            } else if let reference = request.query("merchant_reference") {
                known = await desk.query(merchantReference: reference)
            } else {
                throw Problem.badRequest(
                    "query_missing", "Ask by key or by merchant_reference.")
            }
            return try .json(200, OperationList(operations: known.map(OperationView.init)))
        }
    }

    private struct OperationList: Encodable {
        let operations: [OperationView]
    }
}
