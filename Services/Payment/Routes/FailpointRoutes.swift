import HTTP

/// PUT and GET /internal/failpoints: {"F9": "kill"}. For fault tests; off unless armed.
struct FailpointRoutes: Sendable {
    let failpoints: Failpoints

    func add(to router: inout Router) {
        router.on(.put, "/internal/failpoints", bodyLimit: 1_024) { request in
            let wanted = try request.decodeJSON([String: String].self)
            do {
                for (place, action) in wanted.sorted(by: { $0.key < $1.key }) {
                    try failpoints.arm(place, action)
                }
            } catch {
                throw Problem.unprocessable("invalid_field", String(describing: error))
            }
            return try .json(200, failpoints.summary)
        }
        router.on(.get, "/internal/failpoints") { _ in try .json(200, failpoints.summary) }
    }
}
