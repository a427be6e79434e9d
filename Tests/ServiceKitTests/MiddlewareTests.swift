import Basics
import HTTP
import Sockets
import Synchronization
import Telemetry
import Testing

@testable import ServiceKit

@Suite(.timeLimit(.minutes(1))) struct MiddlewareTests {
    /// Runs one request through the standard middleware and hands the context the handler saw.
    func withEcho(
        trustsCaller: Bool = true,
        handler: @escaping Handler = { _ in .text(200, "ok") },
        _ body: @Sendable (TestService, @Sendable () -> RequestContext?) async throws -> Void
    ) async throws {
        let seen = Seen()
        try await TestService.run { context in
            var api = Router()
            for middleware in standardMiddleware(context, trustsCaller: trustsCaller) {
                api.use(middleware)
            }
            api.on(.get, "/things/{id}") { request in
                seen.context.withLock { $0 = request.context }
                return try await handler(request)
            }
            return Composition(api: api, apiPort: 0, operationsPort: 0)
        } _: { service in
            try await service.eventually("ready") {
                try await service.get("/readyz", operations: true).status == 200
            }
            try await body(service) { seen.context.withLock { $0 } }
        }
    }

    final class Seen: Sendable {
        let context = Mutex<RequestContext?>(nil)
    }

    @Test func `a safe request id is kept and an unsafe one replaced`() async throws {
        try await withEcho { service, seen in
            let kept = try await service.get(
                "/things/1", headers: [("x-request-id", "abc-1.2:3_4")])
            #expect(kept.headers["x-request-id"] == "abc-1.2:3_4")
            #expect(seen()?.requestID == "abc-1.2:3_4")
            for bad in ["a b", "a\"b", String(repeating: "x", count: 129)] {
                let made = try await service.get("/things/1", headers: [("x-request-id", bad)])
                let id = UniqueID(made.headers["x-request-id"] ?? "")
                #expect(id?.version == 7)
            }
        }
    }

    @Test func `a caller's trace is continued with a new span (TC-1)`() async throws {
        let caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        try await withEcho { service, seen in
            _ = try await service.get(
                "/things/1", headers: [("traceparent", caller), ("tracestate", "a=b")])
            let trace = try #require(seen()?.trace)
            #expect(trace.traceIDText == "4bf92f3577b34da6a3ce929d0e0e4736")
            #expect(trace.spanIDText != "00f067aa0ba902b7")
            #expect(trace.tracestate == "a=b")
            _ = try await service.get("/things/1", headers: [("traceparent", "nonsense")])
            let fresh = try #require(seen()?.trace)
            #expect(fresh.traceIDText != trace.traceIDText)
        }
    }

    @Test func `a request is one log line and two metrics, by its pattern`() async throws {
        try await withEcho { service, _ in
            _ = try await service.get("/things/secret-id")
            let lines = service.log(#""msg":"request""#)
            #expect(lines.count == 1)
            let line = try #require(lines.first)
            for part in [
                #""method":"GET""#, #""route":"/things/{id}""#, #""status":200"#, #""trace_id":""#,
                #""ms":"#,
            ] {
                #expect(line.contains(part))
            }
            #expect(!line.contains("secret-id"))
            let page = try await service.get("/metrics", operations: true).text
            #expect(
                page.contains(
                    #"http_server_requests_total{method="GET",route="/things/{id}",status="200"} 1"#
                ))
            #expect(
                page.contains(
                    #"http_server_request_duration_seconds_count{method="GET","#
                        + #"route="/things/{id}"} 1"#))
        }
    }

    @Test func `an error of a handler is a problem with request id and trace, and a warning`()
        async throws
    {
        try await withEcho(handler: { _ in throw Refusal(description: "internal words") }) {
            service, _ in
            let answer = try await service.get("/things/1", headers: [("x-request-id", "rid-1")])
            #expect(answer.status == 500)
            #expect(answer.headers["x-request-id"] == "rid-1")
            #expect(answer.text.contains("trace_id"))
            #expect(!answer.text.contains("internal words"))
            #expect(service.log("internal words").count == 1)
        }
    }

    @Test func `only a trusted caller names the customer`() async throws {
        let customer = UniqueID.v7().description
        try await withEcho { service, seen in
            _ = try await service.get("/things/1", headers: [("x-mercato-customer", customer)])
            #expect(seen()?.customer == customer)
            _ = try await service.get("/things/1", headers: [("x-mercato-customer", "me")])
            #expect(seen()?.customer == nil)
        }
        try await withEcho(trustsCaller: false) { service, seen in
            _ = try await service.get("/things/1", headers: [("x-mercato-customer", customer)])
            #expect(seen()?.customer == nil)
        }
    }

    @Test func `the remaining time becomes a deadline and a passed one 504 (TO-2)`() async throws {
        let latch = Latch()
        try await withEcho(handler: { request in
            if request.query("wait") != nil { try await latch.wait() }
            return .text(200, "ok")
        }) { service, seen in
            _ = try await service.get("/things/1", headers: [("x-request-timeout-ms", "250")])
            let left = try #require(seen()?.deadline).remaining
            #expect(left <= .milliseconds(250))
            let none = try await service.get("/things/1", headers: [("x-request-timeout-ms", "0")])
            #expect(none.status == 504)
            #expect(none.text.contains(#""code":"deadline_exceeded""#))
            let late = try await service.get(
                "/things/1?wait=1", headers: [("x-request-timeout-ms", "30")])
            #expect(late.status == 504)
            let wrong = try await service.get(
                "/things/1", headers: [("x-request-timeout-ms", "soon")])
            #expect(wrong.status == 400)
        }
    }
}

@Suite(.timeLimit(.minutes(1))) struct UpstreamClientTests {
    @Test func `a call carries request id, child trace, customer and the time left`() async throws {
        let seen = Mutex<Request?>(nil)
        try await TestService.run { context in
            var api = Router()
            api.on(.get, "/up") { request in
                seen.withLock { $0 = request }
                return .text(200, "ok")
            }
            return Composition(api: api, apiPort: 0, operationsPort: 0)
        } _: { service in
            try await service.eventually("ready") {
                try await service.get("/readyz", operations: true).status == 200
            }
            let upstream = UpstreamClient(
                name: "cart", client: service.client,
                baseURL: "http://127.0.0.1:\(service.ports.api ?? 0)/")
            let trace = TraceContext.root()
            let customer = UniqueID.v7().description
            var context = RequestContext(requestID: "rid-9", traceparent: trace.traceparent)
            context.customer = customer
            context.deadline = .after(.milliseconds(800))
            let answer = try await upstream.answer(.get, "/up", for: context)
            #expect(answer.status == 200)
            let request = try #require(seen.withLock { $0 })
            #expect(request.headers["x-request-id"] == "rid-9")
            #expect(request.headers["x-mercato-customer"] == customer)
            let given = try #require(Int(request.headers["x-request-timeout-ms"] ?? ""))
            #expect(given > 0 && given <= 795)
            let child = try #require(TraceContext(traceparent: request.headers["traceparent"]))
            #expect(child.traceIDText == trace.traceIDText)
            #expect(child.spanIDText != trace.spanIDText)

            context.deadline = .after(.milliseconds(3))
            let spent = context
            let late = await #expect(throws: Problem.self) {
                try await upstream.answer(.get, "/up", for: spent)
            }
            #expect(late?.status == 504)
            #expect(late?.code == "deadline_exceeded")
        }
    }

    @Test func `a service that cannot be reached is 503 with its name`() async throws {
        try await TestService.run { _ in Composition(operationsPort: 0) } _: { service in
            let upstream = UpstreamClient(
                name: "cart", client: service.client, baseURL: "http://127.0.0.1:1")
            let problem = await #expect(throws: Problem.self) {
                try await upstream.answer(.get, "/up", for: RequestContext(requestID: "rid"))
            }
            #expect(problem?.status == 503)
            #expect(problem?.code == "upstream_unavailable")
            #expect(problem?.detail?.contains("cart") == true)
        }
    }
}
