package import HTTP
package import Telemetry

/// Continues the caller's trace, or begins one (TC-1), with a server span around the request. The
/// request's context then holds this service's own position; calls to other services make children
/// of it.
///
/// The span ends with the response's head: a stream of events is not one long piece of work.
struct RequestTracing: Sendable {
    private let tracer: Tracer

    init(_ tracer: Tracer) { self.tracer = tracer }

    /// Begins the request's span, and notes its position in the request.
    func begin(_ request: Request) -> Span {
        let span = tracer.start(
            ServerSpan.name(of: request), kind: .server, parent: Self.caller(of: request),
            attributes: ServerSpan.attributes(of: request))
        request.setTrace(span.context.position, state: span.context.tracestate)
        return span
    }

    private static func caller(of request: Request) -> TraceContext? {
        let traceparents = request.headerValues("traceparent")
        guard !traceparents.isEmpty else { return nil }
        return TraceContext(
            traceparents: traceparents, tracestates: request.headerValues("tracestate"))
    }

    func end(_ span: Span, status: Int) {
        ServerSpan.note(status, on: span)
        span.end()
    }
}

extension RequestContext {
    /// The request's position in its trace; nil before the trace middleware.
    package var trace: TraceContext? {
        TraceContext(traceparent: traceparent, tracestate: tracestate)
    }
}

/// What a server span says, by OpenTelemetry's conventions for HTTP. Pure.
enum ServerSpan {
    /// Method and route pattern, for example `POST /v1/orders`; the path holds ids and is no name.
    static func name(of request: Request) -> String {
        let method = methodLabel(request.method) ?? "HTTP"
        return request.context.routePattern.map { "\(method) \($0)" } ?? method
    }

    /// Nothing of the query: it may hold what is nobody's business.
    static func attributes(of request: Request) -> SpanAttributes {
        var attributes: SpanAttributes = [
            "http.request.method": .string(methodLabel(request.method) ?? "_OTHER"),
            "url.path": .string(request.path), "url.scheme": "http",
        ]
        attributes["http.route"] = request.context.routePattern.map { .string($0) }
        if let authority = request.headers["host"] {
            let (host, port) = split(authority)
            attributes["server.address"] = .string(host)
            attributes["server.port"] = port.map { .integer($0) }
        }
        return attributes
    }

    /// A refusal of the caller's input is an answer like any other; only 5xx is our failure.
    static func note(_ status: Int, on span: Span) {
        span.set("http.response.status_code", .integer(Int64(status)))
        guard status >= 500 else { return }
        span.set("error.type", .string(String(status)))
        span.setError("status \(status)")
    }

    /// Nil for a method that a caller made up: names must not grow with what callers send.
    private static func methodLabel(_ method: Method) -> String? {
        if case .other = method { nil } else { method.text }
    }

    /// `host:port`, the host perhaps an IPv6 address in brackets.
    static func split(_ authority: String) -> (host: String, port: Int64?) {
        guard let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") else {
            return (authority, nil)
        }
        return (
            String(authority[..<colon]), Int64(authority[authority.index(after: colon)...])
        )
    }
}
