import HTTP
import Telemetry

/// What a client span says, by OpenTelemetry's conventions for HTTP, and what goes onto the wire.
enum ClientSpan {
    /// Method and route pattern when the caller knows one: a path holds ids and is no name.
    static func name(of request: ClientRequest) -> String {
        let method = request.method.text
        return request.route.map { "\(method) \($0)" } ?? method
    }

    /// The URL without its query, which may hold what is nobody's business. A URL with a user or a
    /// password is refused before it gets here.
    static func attributes(of request: ClientRequest, to url: ClientURL) -> SpanAttributes {
        let path = url.target.prefix { $0 != "?" }
        var attributes: SpanAttributes = [
            "http.request.method": .string(request.method.text),
            "server.address": .string(url.origin.host),
            "server.port": .integer(Int64(url.origin.port)),
            "url.full": .string("\(url.origin.scheme.rawValue)://\(url.origin.authority)\(path)"),
        ]
        attributes["url.template"] = request.route.map { .string($0) }
        return attributes
    }

    /// To the caller of a service a refusal is a failed call, too.
    static func note(_ status: Int, on span: Span) {
        span.set("http.response.status_code", .integer(Int64(status)))
        guard status >= 400 else { return }
        span.set("error.type", .string(String(status)))
        span.setError("status \(status)")
    }

    /// The next service's parent (TC-1). The state is removed when there is none: one that was found
    /// malformed must not pass.
    static func inject(_ context: TraceContext, into headers: inout Headers) {
        headers["traceparent"] = context.traceparent
        headers["tracestate"] = context.tracestate
    }
}

extension ClientError: SpanFailureNaming {
    /// The code, as spans name failures.
    package var spanFailureType: String { code.rawValue }
}
