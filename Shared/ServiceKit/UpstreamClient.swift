import Basics
package import HTTP
package import HTTPClient
import Telemetry

/// Calls another service of Mercato on behalf of a request: the same request id and customer, a
/// child position in the trace, and the time that is left.
package struct UpstreamClient: Sendable {
    /// What each hop keeps for itself, so that the caller answers before its own caller gives up
    /// (TO-2).
    package static let hopMargin: Duration = .milliseconds(5)
    /// The longest answer that `answer` collects, in bytes.
    package static let bodyMax = 1 << 20

    /// The other service's name in problems and logs, for example `cart`.
    package let name: String
    private let client: Client
    private let baseURL: String

    /// - Parameter baseURL: for example `http://127.0.0.1:8101`, with or without a last slash.
    package init(name: String, client: Client, baseURL: String) {
        self.name = name
        self.client = client
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        client.metrics?.name(baseURL, as: name)
    }

    /// A complete answer.
    package struct Answer: Sendable {
        package var status: Int
        package var headers: Headers
        package var body: [UInt8]
    }

    /// The answer's head, with its body still to come.
    ///
    /// - Parameter route: the target's pattern, for example `/internal/carts/{id}`; names the call
    ///   in traces.
    /// - Throws: `Problem` 504 `deadline_exceeded` without any I/O when no time is left, otherwise
    ///   the client's error.
    package func send(
        _ method: Method, _ target: String, route: String? = nil, headers: Headers = Headers(),
        body: [UInt8] = [], for context: RequestContext
    ) async throws -> ClientResponse {
        var headers = headers
        headers["x-request-id"] = context.requestID
        if let customer = context.customer { headers[CallerIdentity.header] = customer }
        var deadline: Deadline?
        if let limit = context.deadline {
            let left = limit.remaining - Self.hopMargin
            guard left.inMilliseconds > 0 else { throw Problem.deadlineExceeded }
            headers[RequestDeadline.header] = String(left.inMilliseconds)
            deadline = .after(left)
        }
        let request = ClientRequest(
            method: method, url: baseURL + target, headers: headers, body: body, route: route)
        // A request that is not handled in the task it came with still belongs to its trace.
        guard TraceContext.current == nil, let trace = context.trace else {
            return try await client.send(request, deadline: deadline)
        }
        return try await Span(unrecorded: trace).bind {
            try await client.send(request, deadline: deadline)
        }
    }

    /// The whole answer, whatever its status.
    ///
    /// - Throws: `Problem` 503 `upstream_unavailable` when the service cannot be reached or cuts
    ///   its answer short, 504 `upstream_timeout` when it is too slow.
    package func answer(
        _ method: Method, _ target: String, route: String? = nil, headers: Headers = Headers(),
        body: [UInt8] = [], for context: RequestContext
    ) async throws -> Answer {
        do {
            let response = try await send(
                method, target, route: route, headers: headers, body: body, for: context)
            return Answer(
                status: response.status, headers: response.headers,
                body: try await response.body.collect(upTo: Self.bodyMax))
        } catch let error as ClientError {
            // Our own caller has gone or run out of time: the router knows which.
            if error.code == .cancelled { throw CancellationError() }
            throw problem(for: error)
        }
    }

    /// What our own caller is told about a failed call. The host and the system's words stay here.
    package func problem(for error: ClientError) -> Problem {
        switch error.code {
        case .timeout:
            .gatewayTimeout("upstream_timeout", "The service \(name) did not answer in time.")
        default:
            .unavailable("upstream_unavailable", "The service \(name) cannot be reached.")
        }
    }
}
