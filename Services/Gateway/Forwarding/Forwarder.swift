import Basics
import HTTP
import HTTPClient
import Resilience
import ServiceKit

/// The last step of the list of policies: one call upstream, its answer relayed.
///
/// The breaker is inside: whatever repeats calls one day goes around `attempt`, so that each try has
/// a permit and an outcome of its own (gateway.md §1).
struct Forwarder: Sendable {
    let upstream: UpstreamClient
    /// One for all routes to the same upstream (CB-1).
    let breaker: UpstreamBreaker?
    let routeTimeout: Duration
    let instruments: UpstreamInstruments
    /// Clients reach the gateway by https.
    let isTLS: Bool

    var handler: Handler {
        { request in try await forward(request) }
    }

    private func forward(_ request: Request) async throws -> Response {
        var headers = request.headers
        RequestHygiene.addForwarded(&headers, from: request, isTLS: isTLS)
        let answer = try await attempt(request, headers)
        do {
            return try await Relay.response(answer, to: request.method)
        } catch {
            throw problem(for: error)
        }
    }

    /// One call, up to the head of its answer: what becomes of the body is not another call.
    private func attempt(_ request: Request, _ headers: Headers) async throws -> ClientResponse {
        let permit = try breaker?.admit()
        // Each permit ends once, whichever way the call ends (CB-6).
        func end(_ outcome: CircuitBreaker.Outcome) {
            if let permit { breaker?.finish(permit, outcome) }
        }
        let start = MonotonicInstant.now
        do {
            // The canonical path goes out: the one that was routed and authorised (PX-3).
            let answer = try await upstream.send(
                request.method, request.canonicalTarget, route: request.context.routePattern,
                headers: headers, body: request.body, for: request.context)
            end(CallOutcome.of(status: answer.status))
            instruments.record(outcome: "\(answer.status / 100)xx", since: start)
            return answer
        } catch let error as ClientError {
            end(CallOutcome.of(error, waited: start.duration(to: .now), patience: patience))
            instruments.record(outcome: error.code.rawValue, since: start)
            throw problem(for: error)
        } catch {
            // No time was left, so nothing was sent.
            end(.ignored)
            throw error
        }
    }

    /// A little less than the route's own limit, since the call ends before its caller's time does.
    private var patience: Duration {
        let slowAfter = breaker?.settings.slowAfter ?? routeTimeout
        return min(slowAfter, routeTimeout * 0.8)
    }

    /// TO-3, PJ-2. A cancelled call is the client's doing, or the deadline's.
    private func problem(for error: ClientError) -> any Error {
        switch error.code {
        case .cancelled: return CancellationError()
        case .timeout:
            return Problem.gatewayTimeout(
                "upstream_timeout", "The service \(upstream.name) did not answer in time.")
        case .poolExhausted:
            return Problem.unavailable(
                "overloaded", "Too many requests to the service \(upstream.name) are under way.")
        case .connectFailed, .tlsFailed:
            return Problem.unavailable(
                "upstream_unavailable", "The service \(upstream.name) cannot be reached.")
        case .reset:
            // It may have done what was asked: no reason to say that nothing happened (U2).
            return Problem(
                status: 502, code: "bad_upstream_response",
                detail: "The service \(upstream.name) ended the connection before its answer.")
        case .malformed, .tooLarge, .invalidRequest:
            return Problem(
                status: 502, code: "bad_upstream_response",
                detail: "The service \(upstream.name) gave an answer that cannot be relayed.")
        }
    }
}

/// Answers passed on: re-serialised, never copied as bytes (PX-1).
enum Relay {
    /// A body up to this many bytes, of declared length, is taken whole: one write, and the
    /// upstream's connection is free at once. Anything else is passed on piece by piece.
    static let wholeMax = 64 * 1024

    static func response(_ answer: ClientResponse, to method: Method) async throws(ClientError)
        -> Response
    {
        var headers = answer.headers
        RequestHygiene.dropHopByHop(&headers)
        let body = answer.body
        // The length of an answer to HEAD is that of the GET; elsewhere the writer knows it (H91).
        if method == .head { return Response(status: answer.status, headers: headers) }
        headers.remove("content-length")
        if let length = body.declaredLength, length <= wholeMax {
            let bytes = try await body.collect(upTo: wholeMax)
            return Response(
                status: answer.status, headers: headers,
                body: bytes.isEmpty ? .empty : .bytes(bytes))
        }
        return Response(
            status: answer.status, headers: headers,
            body: .stream(length: body.declaredLength) { writer in
                // A cut upstream throws here, and so cuts the client: no false end (U2).
                for try await piece in body { try await writer.write(piece) }
            })
    }
}
