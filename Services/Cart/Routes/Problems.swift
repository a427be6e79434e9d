import HTTP
import Postgres

/// The one table from this service's errors to what a client sees; every route is wrapped in it.
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
        } catch let error as PostgresError where error.isUnavailable || error.isRetriable {
            throw Problem.unavailable(
                "upstream_unavailable", "The database cannot be reached now.")
        }
    }
}
