package import Basics

/// A complete request as handlers see it.
package struct Request: Sendable {
    package var method: Method
    /// Path and query as received.
    package var target: String
    /// Canonical and decoded (PX-3); the only form to decide on.
    package var path: String
    package var query: [(name: String, value: String)]
    package var headers: Headers
    package var body: [UInt8]
    package var context: RequestContext

    package init(
        method: Method, target: String, path: String, query: [(name: String, value: String)],
        headers: Headers, body: [UInt8], context: RequestContext
    ) {
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.context = context
    }

    /// From a method and a target, for callers without a socket. Throws like the parser does.
    package init(
        _ method: Method, _ target: String, headers: Headers = [:], body: [UInt8] = [],
        context: RequestContext = RequestContext()
    ) throws(ParseError) {
        let parsed = try RequestTarget(target, method: method)
        self.init(
            method: method, target: parsed.text, path: parsed.path, query: parsed.query,
            headers: headers, body: body, context: context)
    }

    /// The first value of a query name.
    package func query(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// A path parameter of the matched pattern; 404 when the pattern has none of that name, which
    /// is a mistake in the route table.
    package func parameter(_ name: String) throws(Problem) -> String {
        guard let value = context.parameters[name] else { throw .routeNotFound }
        return value
    }

    /// The target to send onwards: canonical path, query as received (PX-3).
    package var canonicalTarget: String {
        let path = CanonicalPath.encode(path)
        guard let mark = target.firstIndex(of: "?") else { return path }
        return path + target[mark...]
    }
}

/// What is known about a request besides its message.
package struct RequestContext: Sendable {
    /// UUID text, or empty before the request-id middleware ran.
    package var requestID: String
    /// The peer's address, for logs.
    package var peer: String
    /// Path parameters of the matched route, decoded.
    package var parameters: [String: String]
    /// When the caller stops waiting.
    package var deadline: Deadline?
    package var traceparent: String?
    package var tracestate: String?
    /// The customer's id as set by the gateway's identity check.
    package var customer: String?
    /// The pattern of the matched route; nil when no route matched.
    package var routePattern: String?
    /// Set by the parser: the router answers with it instead of calling the handler.
    package var rejection: ParseError?

    package init(
        requestID: String = "", peer: String = "", parameters: [String: String] = [:],
        deadline: Deadline? = nil, traceparent: String? = nil, tracestate: String? = nil,
        customer: String? = nil, routePattern: String? = nil
    ) {
        self.requestID = requestID
        self.peer = peer
        self.parameters = parameters
        self.deadline = deadline
        self.traceparent = traceparent
        self.tracestate = tracestate
        self.customer = customer
        self.routePattern = routePattern
    }

    /// The 32 hex digits of the trace, nil when there is none.
    package var traceID: String? {
        guard let traceparent, traceparent.utf8.count >= 55 else { return nil }
        return String(traceparent.dropFirst(3).prefix(32))
    }
}
