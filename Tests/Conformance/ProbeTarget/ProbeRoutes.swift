import Basics
import HTTP
import HTTPClient
import Sockets

/// What strangers' suites expect of a server: something to get, an echo, a document, a stream,
/// something slow, and the endpoint that W3C's trace-context tests drive.
enum ProbeRoutes {
    /// The largest body of `GET /bytes/N` and `POST /count`: 1 TiB.
    static let streamMax = 1 << 40
    /// The longest `GET /slow/MS`: one minute.
    static let slowMax = 60_000
    /// Calls that one `POST /trace-test` may make.
    static let callsMax = 100
    private static let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 64 * 1_024)

    /// 250 bytes of JSON, the size that servers are compared with.
    static let document: [UInt8] = {
        let head = #"{"id":"01a2f3c4-0000-7000-8000-000000000001","sku":"MUG-001","name":"Mug","#
            + #""price":{"amount":1250,"currency":"EUR"},"stock":42,"tags":["kitchen","gift"],"#
            + #""description":""#
        let tail = #""}"#
        let filler = String(repeating: "m", count: 250 - head.utf8.count - tail.utf8.count)
        return Array((head + filler + tail).utf8)
    }()

    /// Of `GET /`, for conditional requests.
    private static let validators = Validators(
        entityTag: EntityTag("ok"), lastModified: WallTime(iso8601: "2026-01-01T00:00:00Z"))

    static func add(to router: inout Router, loop: EventLoop, client: Client) {
        router.on(.get, "/") { request in Response.text(200, "OK").answering(request, validators) }
        router.on(.post, "/") { request in
            .bytes(
                200, request.body,
                type: request.headers["content-type"] ?? "application/octet-stream")
        }
        router.on(.get, "/json") { _ in
            .bytes(200, await find(), type: "application/json")
        }
        router.on(.get, "/bytes/{count}") { request in
            let count = try number(request, "count", atMost: streamMax)
            return .stream(200, type: "application/octet-stream", length: count) { writer in
                var left = count
                while left > 0 {
                    try await writer.write(left < piece.count ? Array(piece.prefix(left)) : piece)
                    left -= min(left, piece.count)
                }
            }
        }
        router.on(.post, "/count", body: .streamed(limit: streamMax)) { request in
            var count = 0
            for try await piece in request.bodyStream { count += piece.count }
            return .text(200, String(count))
        }
        router.on(.get, "/slow/{milliseconds}") { request in
            let wait = try number(request, "milliseconds", atMost: slowMax)
            try await loop.sleep(for: .milliseconds(wait))
            return .text(200, "OK")
        }
        router.on(.post, "/trace-test") { request in
            try await TraceTest(client: client).run(request)
        }
    }

    /// Stands for the query that a real handler waits for.
    private static func find() async -> [UInt8] { document }

    private static func number(_ request: Request, _ name: String, atMost limit: Int)
        throws(Problem) -> Int
    {
        let text = try request.parameter(name)
        guard let value = Int(text), (0...limit).contains(value) else {
            throw .badRequest("invalid_number", "A number from 0 to \(limit) is needed.")
        }
        return value
    }
}

/// W3C's trace-context tests post `[{"url": …, "arguments": […]}, …]` and watch which trace headers
/// arrive at each url. The client adds them: it takes the trace of the request under way.
struct TraceTest {
    let client: Client

    func run(_ request: Request) async throws -> Response {
        let calls = try request.decodeJSON(JSONValue.self).elements
        guard let calls, calls.count <= ProbeRoutes.callsMax else {
            throw Problem.invalidField("", "An array of calls is needed.")
        }
        for call in calls {
            guard let url = call["url"]?.text else {
                throw Problem.invalidField("/url", "Each call needs a url.")
            }
            do {
                let answer = try await client.send(
                    ClientRequest(
                        method: .post, url: url, headers: ["content-type": "application/json"],
                        body: (call["arguments"] ?? []).bytes))
                _ = try await answer.body.collect()
            } catch {
                throw Problem(status: 502, code: "call_failed", detail: "A call failed.")
            }
        }
        return .text(200, "OK")
    }
}
