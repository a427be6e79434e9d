import Basics

/// A router made ready for many requests: what is the same for all of them, the order of the middleware
/// and the routes of each resource, is put together once.
package final class RouteTable: Sendable {
    /// Those without parameters, with their only path. They win over all others, so they come first.
    private let exact: [(path: [UInt8], resource: Resource)]
    private let resources: [Resource]
    /// What no pattern fits.
    private let nowhere: Resource
    /// `OPTIONS *`.
    private let everything: Resource
    /// The first layer, and what is within it; see `respond`.
    package let outermost: @Sendable (Request, @escaping Handler) async throws -> Response
    package let inner: Handler
    private let report: @Sendable (any Error, Request) -> Void

    package init(_ router: Router) {
        var grouped: [(pattern: RoutePattern, routes: [Route])] = []
        for route in router.routes {
            let index = grouped.firstIndex { $0.pattern.text == route.pattern.text }
            if let index {
                grouped[index].routes.append(route)
            } else {
                grouped.append((route.pattern, [route]))
            }
        }
        let resources = grouped.map { Resource(pattern: $0.pattern, routes: $0.routes) }
        exact = resources.compactMap { resource in
            resource.pattern?.onlyPath.map { ($0, resource) }
        }
        self.resources = resources.filter { $0.pattern?.onlyPath == nil }
        nowhere = Resource(pattern: nil, routes: [])
        everything = Resource(pattern: nil, routes: router.routes)
        report = router.report
        let report = router.report
        let route: Handler = { request in
            do {
                if let rejection = request.context.rejection { throw rejection }
                guard let match = request.context.match else { throw Problem.routeNotFound }
                if let route = match.route { return try await route.handler(request) }
                return try match.answerWithoutRoute(to: request)
            } catch {
                return Self.response(to: error, for: request, report)
            }
        }
        // Errors become responses at each layer, so outer layers see a status, and the response
        // carries what the inner layers learned (request id, trace). `respond` does it for the
        // outermost: each call that may wait costs as much as reading a header line.
        var inner = route
        for layer in router.middleware.dropFirst().reversed() {
            let (body, next) = (layer.body, inner)
            inner = { request in
                do {
                    return try await body(request, next)
                } catch {
                    return Self.response(to: error, for: request, report)
                }
            }
        }
        self.inner = inner
        outermost = (router.middleware.first ?? .none).body
    }

    /// The route of a request, found before its body is read.
    package func match(_ head: RequestHead) -> RouteMatch {
        match(head.method, head.requestTarget.pathBytes)
    }

    /// Always an answer; see `Router.respond`. A connection does the same by itself, because a call
    /// that may wait costs more than what is done here.
    package func respond(to request: Request) async -> Response {
        prepare(request, for: match(request.method, request.pathBytes))
        do {
            return try await outermost(request, inner)
        } catch {
            return response(to: error, for: request)
        }
    }

    /// Notes in a request what was found for it.
    package func prepare(_ request: Request, for match: RouteMatch) {
        request.context.match = match
        guard let pattern = match.resource.pattern else { return }
        request.context.routePattern = pattern.text
        if pattern.onlyPath == nil {
            request.context.parameters = pattern.parameters(of: request.pathBytes)
        }
    }

    /// The answer when the outermost layer has thrown.
    package func response(to error: any Error, for request: Request) -> Response {
        Self.response(to: error, for: request, report)
    }

    func match(_ method: Method, _ path: ArraySlice<UInt8>) -> RouteMatch {
        for index in exact.indices where exact[index].path.count == path.count {
            guard exact[index].path.elementsEqual(path) else { continue }
            return RouteMatch(method: method, resource: exact[index].resource)
        }
        // Patterns of equal shape are neighbours; the first that matches decides the resource.
        for resource in resources where resource.pattern?.matches(path) == true {
            return RouteMatch(method: method, resource: resource)
        }
        let isEverything = path.elementsEqual([UInt8(ascii: "*")])
        return RouteMatch(method: method, resource: isEverything ? everything : nowhere)
    }

    private static func response(
        to error: any Error, for request: Request, _ report: (any Error, Request) -> Void
    ) -> Response {
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
}

/// All routes of one pattern.
final class Resource: Sendable {
    /// Nil for what no pattern fits, and for `*`.
    let pattern: RoutePattern?
    private let routes: [Route]
    /// That of GET, which most requests ask for.
    private let get: Route?

    init(pattern: RoutePattern?, routes: [Route]) {
        self.pattern = pattern
        self.routes = routes
        get = pattern == nil ? nil : routes.last { $0.method == .get }
    }

    /// HEAD is answered by what answers GET (RFC 9110 §9.3.2).
    func route(for method: Method) -> Route? {
        if method == .get { return get }
        guard pattern != nil else { return nil }
        return routes.last { $0.method == method } ?? (method == .head ? get : nil)
    }

    var isEmpty: Bool { routes.isEmpty }

    /// The value of `Allow`.
    var allowed: String {
        var methods = Set(routes.map(\.method.text))
        methods.insert("OPTIONS")
        if methods.contains("GET") { methods.insert("HEAD") }
        return methods.sorted().joined(separator: ", ")
    }
}

/// What was found for a method and a path.
package struct RouteMatch: Sendable {
    let resource: Resource
    let route: Route?

    init(method: Method, resource: Resource) {
        self.resource = resource
        route = resource.route(for: method)
    }

    /// Whether a handler will see the request.
    package var isFound: Bool { route != nil }

    /// How the body is to be read; requests that no route takes are read up to the general limit.
    package var body: RouteBody { route?.body ?? .collected(limit: Router.bodyLimitDefault) }

    /// 404, 405, 501, and OPTIONS.
    func answerWithoutRoute(to request: Request) throws -> Response {
        if case .other = request.method {
            throw Problem(
                status: 501, code: "unsupported_method", detail: "This method is unknown here.")
        }
        let isEverything = request.path == "*"
        if resource.isEmpty, !isEverything { throw Problem.routeNotFound }
        if request.method == .options { return .empty(204, headers: ["allow": resource.allowed]) }
        throw Problem(
            status: 405, code: "method_not_allowed",
            detail: "This resource does not support the method.",
            headers: ["allow": resource.allowed])
    }
}
