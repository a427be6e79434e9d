import HTTP

/// The one table from this service's errors to what a client sees; every route is wrapped in it.
/// What the database's errors are to a client is DurableService's.
func answering(_ handler: @escaping Handler) -> Handler {
    { request in
        do {
            return try await handler(request)
        } catch let error as InvalidField {
            throw Problem.invalidField("/\(error.field)", "The field \(error.problem).")
        }
    }
}
