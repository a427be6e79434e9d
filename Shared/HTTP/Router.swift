import Basics

/// Routes by method and pattern, wrapped by an ordered list of middleware.
///
/// A pattern is literal segments, `{name}` for one segment and a final `{name...}` for the rest.
/// Literals win over parameters, so the order of registration does not matter.
package struct Router: Sendable {
    var routes: [Route] = []
    var middleware: [Middleware] = []
    var report: @Sendable (any Error, Request) -> Void = { _, _ in }

    /// The limit for bodies where the route names none (BH, H54).
    package static let bodyLimitDefault = 1_048_576

    package init() {}

    /// A handler whose request's `body` is complete and at most `bodyLimit` bytes.
    package mutating func on(
        _ method: Method, _ pattern: String, bodyLimit: Int = Router.bodyLimitDefault,
        _ handler: @escaping Handler
    ) {
        on(method, pattern, body: .collected(limit: bodyLimit), handler)
    }

    /// A handler that says how it wants its body: collected, or streamed by `Request.bodyStream`.
    package mutating func on(
        _ method: Method, _ pattern: String, body: RouteBody, _ handler: @escaping Handler
    ) {
        let route = Route(
            method: method, pattern: RoutePattern(pattern), body: body, handler: handler)
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

    /// The limit of the body for a method and a canonical path, for tests and listings.
    package func bodyLimit(_ method: Method, _ path: String) -> Int {
        RouteTable(self).match(method, Array(path.utf8)[...]).body.limit
    }

    package func handler() -> Handler {
        let table = RouteTable(self)
        return { request in await table.respond(to: request) }
    }

    /// Always an answer: 404, 405 with `Allow`, 501 for an unknown method, the problem thrown by a
    /// handler, or 500. Middleware sees all of them. Who answers many requests makes a `RouteTable`.
    package func respond(to request: Request) async -> Response {
        await RouteTable(self).respond(to: request)
    }
}

/// How a route takes its body.
package enum RouteBody: Sendable, Equatable {
    /// Complete before the handler runs.
    case collected(limit: Int)
    /// Piece by piece while the handler asks for it.
    case streamed(limit: Int)

    package var isStreamed: Bool {
        if case .streamed = self { true } else { false }
    }

    /// Bytes; a longer body is refused with 413.
    package var limit: Int {
        switch self {
        case .collected(let limit), .streamed(let limit): limit
        }
    }
}

/// A class, because every request carries a reference to its route.
final class Route: Sendable {
    let method: Method
    let pattern: RoutePattern
    let body: RouteBody
    let handler: Handler

    init(
        method: Method, pattern: RoutePattern, body: RouteBody, handler: @escaping Handler
    ) {
        self.method = method
        self.pattern = pattern
        self.body = body
        self.handler = handler
    }
}
