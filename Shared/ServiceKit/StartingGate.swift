import HTTP
import Synchronization

/// Stands before the API until the service is prepared: listening early lets clients tell "not
/// yet" from "not there", and keeps the port from being taken meanwhile.
final class StartingGate: Sendable {
    private let opened = Atomic<Bool>(false)

    var isOpen: Bool { opened.load(ordering: .acquiring) }

    func open() { opened.store(true, ordering: .releasing) }

    /// The router behind the gate. The gate is the innermost layer, so that refused requests have
    /// their id, their log line and their count like all others.
    func guarding(_ router: Router) -> Router {
        var router = router
        router.use(
            Middleware("starting") { request, next in
                guard self.isOpen else {
                    throw Problem.unavailable("starting", "The service is starting.")
                }
                return try await next(request)
            })
        return router
    }
}
