import HTTP
import HTTPClient
import HTTPServer
import Sockets
import Telemetry
import Testing

/// Every case through a proxy made of our server and our client, in front of our server: the two never
/// disagree about where a request ends, so nothing hidden arrives behind it (RFC 9112 §11.2).
@Suite(.serialized, .timeLimit(.minutes(1)))
struct ChainTests {
    private static let methods: [HTTP.Method] = [.get, .post, .put, .delete]

    /// Forwards everything to `port`, as a gateway does.
    private func forward(_ router: inout Router, to port: Int, with client: Client) {
        for method in Self.methods {
            router.on(method, "/{rest...}") { request in
                var headers = request.headers
                for name in ["host", "connection", "keep-alive", "upgrade"] { headers.remove(name) }
                let answer = try await client.send(
                    ClientRequest(
                        method: request.method,
                        url: "http://127.0.0.1:\(port)\(request.canonicalTarget)", headers: headers,
                        body: request.body))
                return Response(
                    status: answer.status, headers: answer.headers,
                    body: .bytes(try await answer.body.collect()))
            }
        }
    }

    @Test(arguments: Case.all)
    func `nothing hidden passes a proxy of ours`(_ item: Case) async throws {
        let client = Client(
            loop: try Loops.server.get(), logger: Logger(service: "test", sink: DiscardingSink()))
        try await withServer { back in
            try await withServer(routes: { router, _ in
                // In the place of the fixture's own routes.
                router = Router()
                forward(&router, to: back.port, with: client)
            }) { front in
                let kept = item.after == .kept
                let follower = kept
                    ? get("Connection: close\r\n", target: "/next") : get(target: "/poison")
                let said = try await front.exchange(item.bytes + latin1(follower), isHead: item.isHead)
                #expect(said.statuses.count == item.statuses.count + (kept ? 1 : 0))
                #expect(said.statuses.filter { $0 == 200 }.count == back.handled.all.count)
                #expect(said.surplus.isEmpty && !said.isReset)
                #expect(!back.handled.all.contains("GET /poison"))
                #expect(kept == (back.handled.all.last == "GET /next"))
            }
        }
        await client.closeIdle()
    }
}
