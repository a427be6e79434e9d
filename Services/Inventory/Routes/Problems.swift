import HTTP
import Postgres

/// The one table from this service's errors to what a client sees; every route is wrapped in it.
func answering(_ handler: @escaping Handler) -> Handler {
    { request in
        do {
            return try await handler(request)
        } catch let error as InvalidField {
            throw Problem.invalidField("/\(error.field)", "The field \(error.problem).")
        } catch let error as PostgresError where error.isUnavailable || error.isRetriable {
            throw Problem.unavailable(
                "upstream_unavailable", "The database cannot be reached now.")
        }
    }
}
