import Basics

/// Routes by method and pattern, wrapped by an ordered list of middleware.
///
/// A pattern is literal segments, `{name}` for one segment and a final `{name...}` for the rest.
/// Literals win over parameters, so the order of registration does not matter.
package struct Router: Sendable {
    private var routes: [Route] = []
    private var middleware: [Middleware] = []
    private var report: @Sendable (any Error, Request) -> Void = { _, _ in }

    /// The limit for bodies where the route names none (BH, H54).
    package static let bodyLimitDefault = 1_048_576

    package init() {}

    package mutating func on(
        _ method: Method, _ pattern: String, bodyLimit: Int = Router.bodyLimitDefault,
        _ handler: @escaping Handler
    ) {
        let route = Route(
            method: method, pattern: RoutePattern(pattern), bodyLimit: bodyLimit, handler: handler)
        let index = routes.firstIndex { route.pattern.isMoreSpecific(than: $0.pattern) }
        routes.insert(route, at: index ?? routes.endIndex)
    }

    /// The first one used is the outermost.
    package mutating func use(_ middleware: Middleware) { self.middleware.append(middleware) }

    /// Hears about errors that become `500 internal`; the router itself keeps no log.
    package mutating func reportErrors(_ report: @escaping @Sendable (any Error, Request) -> Void) {
        self.report = report
    }

    /// Every registered pattern with its methods, for tests and listings.
    package var table: [(method: Method, pattern: String)] {
        routes.map { ($0.method, $0.pattern.text) }
    }

    /// The limit for the body of a request, known before the body is read.
    package func bodyLimit(_ method: Method, _ path: String) -> Int {
        match(method, path).route?.bodyLimit ?? Self.bodyLimitDefault
    }

    package func handler() -> Handler {
        { request in await respond(to: request) }
    }

    /// Always an answer: 404, 405 with `Allow`, 501 for an unknown method, the problem thrown by a
    /// handler, or 500. Middleware sees all of them.
    package func respond(to request: Request) async -> Response {
        let found = match(request.method, request.path)
        var request = request
        request.context.routePattern = found.pattern
        request.context.parameters = found.parameters
        let innermost: Handler = { request in
            if let rejection = request.context.rejection { throw rejection }
            return try await found.respond(to: request)
        }
        var chain = guarded(innermost)
        for layer in middleware.reversed() {
            let next = chain
            chain = guarded { request in try await layer.body(request, next) }
        }
        do {
            return try await chain(request)
        } catch {
            return response(to: error, for: request)
        }
    }

    /// Errors become responses at each layer, so outer layers see a status, and the response
    /// carries what the inner layers learned (request id, trace).
    private func guarded(_ handler: @escaping Handler) -> Handler {
        { request in
            do {
                return try await handler(request)
            } catch {
                return response(to: error, for: request)
            }
        }
    }

    private func response(to error: any Error, for request: Request) -> Response {
        switch error {
        case let problem as Problem: return problem.response(for: request.context)
        case let error as any ProblemConvertible:
            let problem = error.problem
            // This one tells a client nothing, so it must be written down.
            if problem.status == Problem.internalError.status { report(error, request) }
            return problem.response(for: request.context)
        case is CancellationError:
            let isLate = request.context.deadline?.isPast ?? false
            return (isLate ? Problem.deadlineExceeded : .clientClosed).response(
                for: request.context)
        default:
            report(error, request)
            return Problem.internalError.response(for: request.context)
        }
    }

    private func match(_ method: Method, _ path: String) -> RouteMatch {
        var match = RouteMatch(method: method)
        let segments = RoutePattern.split(path)
        for route in routes {
            // Patterns of equal shape are neighbours; the first that matches decides the resource.
            if let pattern = match.pattern, route.pattern.text != pattern { continue }
            guard let parameters = route.pattern.match(segments) else { continue }
            match.pattern = route.pattern.text
            match.parameters = parameters
            match.allowed.append(route.method)
            if route.method == method || (method == .head && route.method == .get) {
                match.route = route
            }
        }
        if path == "*" { match.allowed = Array(Set(routes.map(\.method))) }
        return match
    }
}

private struct Route: Sendable {
    let method: Method
    let pattern: RoutePattern
    let bodyLimit: Int
    let handler: Handler
}

/// What was found for a method and a path.
private struct RouteMatch: Sendable {
    let method: Method
    var route: Route?
    var pattern: String?
    var parameters: [String: String] = [:]
    var allowed: [Method] = []

    func respond(to request: Request) async throws -> Response {
        if let route { return try await route.handler(request) }
        if case .other = method {
            throw Problem(
                status: 501, code: "unsupported_method", detail: "This method is unknown here.")
        }
        if allowed.isEmpty, request.path != "*" { throw Problem.routeNotFound }
        if method == .options { return .empty(204, headers: ["allow": allow]) }
        throw Problem(
            status: 405, code: "method_not_allowed",
            detail: "This resource does not support the method.", headers: ["allow": allow])
    }

    private var allow: String {
        var methods = Set(allowed.map(\.text))
        methods.insert("OPTIONS")
        if methods.contains("GET") { methods.insert("HEAD") }
        return methods.sorted().joined(separator: ", ")
    }
}
