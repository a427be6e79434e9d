package import Basics

/// A request as handlers see it. Its body is complete, unless the route asked for a stream.
///
/// One object from the outermost layer to the handler: a layer changes it in place before it hands it
/// on. A connection fills the same one again for its next request when nobody has kept it, so passing
/// a request on costs one reference and making one costs nothing.
// Reason: one task works on a request at a time; what a handler starts beside itself only reads it.
package final class Request: @unchecked Sendable {
    package private(set) var method: Method
    /// Nil between two requests of a connection.
    private var requestTarget: RequestTarget?
    package var headers: Headers
    /// Empty on a route that streams its body.
    package var body: [UInt8]
    package var context: RequestContext

    init(
        method: Method, target: RequestTarget, headers: Headers, body: [UInt8],
        context: RequestContext
    ) {
        self.method = method
        requestTarget = target
        self.headers = headers
        self.body = body
        self.context = context
    }

    /// From a method and a target, for callers without a socket. Throws like the parser does.
    package convenience init(
        _ method: Method, _ target: String, headers: Headers = [:], body: [UInt8] = [],
        context: RequestContext = RequestContext()
    ) throws(ParseError) {
        self.init(
            method: method, target: try RequestTarget(target, method: method), headers: headers,
            body: body, context: context)
    }

    /// Path and query as received.
    package var target: String { requestTarget?.text ?? "" }
    /// Canonical and decoded (PX-3); the only form to decide on.
    package var path: String { requestTarget?.pathText ?? "" }
    /// The items in their order.
    package var query: [(name: String, value: String)] { requestTarget?.query ?? [] }
    var pathBytes: ArraySlice<UInt8> { requestTarget?.pathBytes ?? [] }

    /// The body piece by piece: what a streaming route reads, or the complete body as one piece.
    package var bodyStream: RequestBodyStream {
        context.bodySource.map { RequestBodyStream($0) } ?? RequestBodyStream(body)
    }

    /// Becomes the request of another head, without a body.
    package func refill(_ head: RequestHead, peer: String) {
        method = head.method
        requestTarget = head.requestTarget
        headers = head.headers
        context.peer = peer
        context.rejection = head.rejection
    }

    /// Lets go of all that belongs to the message.
    package func clear() {
        requestTarget = nil
        headers = Headers()
        if !body.isEmpty { body = [] }
        context.clear()
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
        let target = target
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
    /// The request's position in its trace, as numbers; text is made of it on demand.
    package var tracePosition: TracePosition?
    package var tracestate: String?
    /// The customer's id as set by the gateway's identity check.
    package var customer: String?
    /// The pattern of the matched route; nil when no route matched.
    package var routePattern: String?
    /// Set by the parser: the router answers with it instead of calling the handler.
    package var rejection: ParseError?
    /// Where a streamed body comes from; nil for a body that is complete.
    package var bodySource: (any RequestBodySource)?
    /// Set by the router for its own last step.
    var match: RouteMatch?

    package init(
        requestID: String = "", peer: String = "", parameters: [String: String] = [:],
        deadline: Deadline? = nil, traceparent: String? = nil, tracestate: String? = nil,
        customer: String? = nil, routePattern: String? = nil
    ) {
        self.requestID = requestID
        self.peer = peer
        self.parameters = parameters
        self.deadline = deadline
        tracePosition = traceparent.flatMap { TracePosition($0) }
        self.tracestate = tracestate
        self.customer = customer
        self.routePattern = routePattern
    }

    /// Becomes that of no request. One by one, since most of it is empty already.
    fileprivate mutating func clear() {
        requestID = ""
        peer = ""
        if !parameters.isEmpty { parameters = [:] }
        deadline = nil
        tracePosition = nil
        if tracestate != nil { tracestate = nil }
        if customer != nil { customer = nil }
        routePattern = nil
        if rejection != nil { rejection = nil }
        if bodySource != nil { bodySource = nil }
        match = nil
    }

    /// The header value of `tracePosition`.
    package var traceparent: String? { tracePosition?.text }

    /// The 32 hex digits of the trace, nil when there is none.
    package var traceID: String? { tracePosition?.traceID }
}
