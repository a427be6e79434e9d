import Basics
import HTTP
import HTTPClient
import HTTPServer
import Sockets
import Telemetry
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ClientTests {
    @Test func `a request goes out and its answer comes back`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let client = running.httpClient()
            let hello = try await client.send(ClientRequest(url: running.url("/hello")))
            #expect(hello.status == 200)
            #expect(hello.headers["content-type"] == "text/plain; charset=utf-8")
            #expect(try await hello.body.collect() == Array("hello".utf8))
            let body = (0..<500_000).map { UInt8(truncatingIfNeeded: $0) }
            let echo = try await client.send(
                ClientRequest(method: .post, url: running.url("/echo"), body: body))
            #expect(try await echo.body.collect() == body)
            let missing = try await client.send(ClientRequest(url: running.url("/nowhere")))
            #expect(missing.status == 404)
            await client.closeIdle()
        }
    }

    @Test func `calls are counted by upstream and outcome, connections by state`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let metrics = MetricsRegistry()
            let client = Client(
                loop: running.loop, logger: Logger(service: "test", sink: DiscardingSink()),
                metrics: ClientMetrics(metrics, client: "calls"))
            client.metrics?.name(running.url(""), as: "shop")
            #expect(
                metrics.render().contains(
                    #"http_client_requests_total{client="calls",outcome="timeout",upstream="shop"} 0"#))
            for path in ["/hello", "/nowhere", "/hello"] {
                let answer = try await client.send(ClientRequest(url: running.url(path)))
                _ = try await answer.body.collect()
            }
            await #expect(throws: ClientError.self) {
                try await client.send(ClientRequest(url: "http://127.0.0.1:1/"))
            }
            let page = metrics.render()
            for line in [
                #"http_client_requests_total{client="calls",outcome="2xx",upstream="shop"} 2"#,
                #"http_client_requests_total{client="calls",outcome="4xx",upstream="shop"} 1"#,
                #"http_client_requests_total{client="calls",outcome="connectFailed",upstream="127.0.0.1:1"} 1"#,
                #"http_client_connections{client="calls",state="active",upstream="shop"} 0"#,
                #"http_client_connections{client="calls",state="idle",upstream="shop"} 1"#,
                #"http_client_request_duration_seconds_count{client="calls",upstream="shop"} 3"#,
            ] { #expect(page.contains(line + "\n"), "\(line)") }
            await client.closeIdle()
        }
    }

    @Test func `requests one after the other share a connection`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let client = running.httpClient()
            for _ in 0..<5 {
                let answer = try await client.send(ClientRequest(url: running.url("/hello")))
                _ = try await answer.body.collect()
                #expect(await client.connectionCounts() == (active: 0, idle: 1))
            }
            #expect(await running.server.connectionCount == 1)
            await client.closeIdle()
            await running.untilNoConnections()
        }
    }

    @Test func `an unused connection is closed after its idle time`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let client = running.httpClient { $0.idleTimeout = .milliseconds(5) }
            let answer = try await client.send(ClientRequest(url: running.url("/hello")))
            _ = try await answer.body.collect()
            await running.untilNoConnections()
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
        }
    }

    @Test func `no answer by the deadline is a time-out and frees the connection`() async throws {
        let events = Events()
        try await withServer(
            limits: quickLimits(), routes: { $0.on(.get, "/never") { try await hang(events, $0) } }
        ) { running in
            let client = running.httpClient()
            let failure = await #expect(throws: ClientError.self) {
                try await client.send(
                    ClientRequest(url: running.url("/never")), deadline: .after(.milliseconds(30)))
            }
            #expect(failure?.code == .timeout)
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
            try await events.wait(for: "cancelled")
        }
    }

    @Test func `cancelling the caller frees the connection`() async throws {
        let events = Events()
        try await withServer(
            limits: quickLimits(), routes: { $0.on(.get, "/never") { try await hang(events, $0) } }
        ) { running in
            let client = running.httpClient()
            let call = Task { try await client.send(ClientRequest(url: running.url("/never"))) }
            try await events.wait(for: "called")
            call.cancel()
            let result = await call.result
            #expect(throws: ClientError.self) { try result.get() }
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
            try await events.wait(for: "cancelled")
        }
    }

    @Test func `nobody listening is connectFailed, and nothing was written`() async throws {
        try await withServer(limits: quickLimits()) { running in
            let held = try HeldPort()
            let failure = await #expect(throws: ClientError.self) {
                try await running.httpClient().send(
                    ClientRequest(method: .post, url: "http://127.0.0.1:\(held.port)/"))
            }
            #expect(failure?.code == .connectFailed)
            #expect(failure?.nothingWritten == true)
        }
    }

    @Test func `a request that finds no free connection in time is refused`() async throws {
        let events = Events()
        try await withServer(
            limits: quickLimits(), routes: { $0.on(.get, "/never") { try await hang(events, $0) } }
        ) { running in
            let client = running.httpClient {
                $0.maxConnectionsPerOrigin = 1
                $0.poolWait = .milliseconds(5)
            }
            let first = Task { try await client.send(ClientRequest(url: running.url("/never"))) }
            try await events.wait(for: "called")
            let failure = await #expect(throws: ClientError.self) {
                try await client.send(ClientRequest(url: running.url("/hello")))
            }
            #expect(failure?.code == .poolExhausted)
            first.cancel()
            _ = await first.result
            let later = try await client.send(ClientRequest(url: running.url("/hello")))
            #expect(later.status == 200)
        }
    }

    @Test func `a body is streamed no faster than it is read, and may be let go`() async throws {
        let events = Events()
        try await withServer(
            limits: quickLimits(),
            routes: { router in
                router.on(.get, "/endless") { _ in
                    .stream(200, type: "text/plain") { writer in
                        defer { events.add("ended") }
                        let piece = [UInt8](repeating: 65, count: 65_536)
                        while true { try await writer.write(piece) }
                    }
                }
            }
        ) { running in
            let client = running.httpClient()
            let answer = try await client.send(ClientRequest(url: running.url("/endless")))
            var read = 0
            for try await piece in answer.body {
                read += piece.count
                if read > 1_000_000 { break }
            }
            let limited = try await client.send(ClientRequest(url: running.url("/endless")))
            let failure = await #expect(throws: ClientError.self) {
                try await limited.body.collect(upTo: 100_000)
            }
            #expect(failure?.code == .tooLarge)
            while events.all.isEmpty, !Task.isCancelled { await Task.yield() }
        }
    }

    @Test func `events of a stream arrive one by one, past the deadline of the head`() async throws {
        let next = AsyncQueue<String>(capacity: 10)
        try await withServer(
            limits: quickLimits(),
            routes: { router in
                router.on(.get, "/events") { _ in
                    .stream(200, type: ServerSentEvent.mediaType) { writer in
                        for await text in next {
                            try await writer.write(ServerSentEvent(data: text).bytes)
                        }
                    }
                }
            }
        ) { running in
            let client = running.httpClient()
            next.push("0")
            let deadline = Deadline.after(.seconds(3))
            let answer = try await client.send(
                ClientRequest(url: running.url("/events")), deadline: deadline)
            var parser = ServerSentEventParser()
            var seen: [String] = []
            for try await piece in answer.body {
                seen += try parser.append(piece).map(\.data)
                if seen.count == 1 {
                    try await running.loop.sleep(for: deadline.remaining + .milliseconds(5))
                    next.push("1")
                }
                if seen.count == 2 { next.finish() }
            }
            #expect(seen == ["0", "1"])
        }
    }

    @Test(arguments: ["ftp://a/", "http://", "http://a:0/", "http://a:x/", "http://u@a/", "/x"])
    func `a URL that cannot be called is refused before any I-O`(url: String) async throws {
        try await withServer(limits: quickLimits()) { running in
            let failure = await #expect(throws: ClientError.self) {
                try await running.httpClient().send(ClientRequest(url: url))
            }
            #expect(failure?.code == .invalidRequest)
        }
    }
}

extension Running {
    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    func httpClient(_ change: (inout ClientConfiguration) -> Void = { _ in }) -> Client {
        var configuration = ClientConfiguration()
        change(&configuration)
        return Client(
            loop: loop, configuration: configuration, logger: Logger(service: "test", sink: log))
    }
}

/// A handler that answers never, and says when it was cancelled.
private func hang(_ events: Events, _ request: Request) async throws -> Response {
    events.add("called")
    do {
        try await OneShot<Void>().value()
    } catch {
        events.add("cancelled")
        throw error
    }
    return .empty()
}
