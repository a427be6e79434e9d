import HTTP

/// The one table from this service's errors to what a client sees; every route is wrapped in it.
/// What the database's errors are to a client is DurableService's.
func answering(_ handler: @escaping Handler) -> Handler {
    { request in
        do {
            return try await handler(request)
        } catch let error as CartError {
            throw Problem(
                status: error.code == .cartNotFound ? 404 : 422, code: error.code.rawValue,
                detail: error.message)
        } catch is InventoryDirectory.Unavailable {
            throw Problem.unavailable(
                "upstream_unavailable", "The inventory cannot be asked now.")
        }
    }
}
