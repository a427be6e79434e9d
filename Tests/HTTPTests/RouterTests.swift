import HTTP
import Testing

@Suite struct RouterTests {
    private struct Odd: Error {}

    private func router() -> Router {
        var router = Router()
        router.on(.get, "/v1/orders/{id}") { request in
            .text(200, "order " + (try request.parameter("id")))
        }
        router.on(.get, "/v1/orders/mine") { _ in .text(200, "mine") }
        router.on(.put, "/v1/orders/{id}", bodyLimit: 7) { _ in .empty() }
        router.on(.post, "/admin/{service}/{rest...}") { request in
            .text(200, (try request.parameter("service")) + ":" + (try request.parameter("rest")))
        }
        router.on(.get, "/odd") { _ in throw Odd() }
        router.on(.get, "/problem") { _ in throw Problem.conflict("cart_already_ordered", "Twice.") }
        return router
    }

    private func answer(_ method: Method, _ target: String) async throws -> Response {
        await router().respond(to: try Request(method, target))
    }

    private func text(_ response: Response) -> String {
        if case .bytes(let bytes) = response.body { String(decoding: bytes, as: UTF8.self) } else { "" }
    }

    @Test func `literals win over parameters whatever the order of registration`() async throws {
        #expect(text(try await answer(.get, "/v1/orders/mine")) == "mine")
        #expect(text(try await answer(.get, "/v1/orders/7")) == "order 7")
        #expect(text(try await answer(.post, "/admin/order/dlq/replay")) == "order:dlq/replay")
    }

    @Test func `a path is read by bytes, so a combining mark never joins a slash or a letter`()
        async throws
    {
        for target in [
            "/%CC%81admin/order/audit", "/%CC%81v1/orders/7", "/%CC%81", "/v1%CC%81/orders/7",
        ] {
            #expect(try await answer(.post, target).status == 404, "\(target)")
            #expect(try await answer(.get, target).status == 404, "\(target)")
        }
        let marked = try await answer(.post, "/admin/%CC%81order/%CC%81rest/x")
        #expect(text(marked) == "\u{301}order:\u{301}rest/x")
        // The kelvin sign is canonically equivalent to K, and another path.
        var router = Router()
        router.on(.get, "/K") { _ in .empty() }
        #expect(await router.respond(to: try Request(.get, "/%E2%84%AA")).status == 404)
        #expect(await router.respond(to: try Request(.get, "/K")).status == 204)
    }

    @Test func `an unknown path is 404, a known path with another method 405 with Allow (H25)`()
        async throws
    {
        #expect(try await answer(.get, "/v1").status == 404)
        #expect(try await answer(.get, "/v1/orders/").status == 404)
        let refused = try await answer(.delete, "/v1/orders/7")
        #expect(refused.status == 405)
        #expect(refused.headers["allow"] == "GET, HEAD, OPTIONS, PUT")
        #expect(try await answer(.trace, "/v1/orders/7").status == 405)
        let query = try await answer(Method("QUERY"), "/v1/orders/7")
        #expect(query.status == 405)
        #expect(query.headers["allow"] == "GET, HEAD, OPTIONS, PUT")
    }

    @Test func `an unknown method is 501, OPTIONS lists what is allowed (H12, H19)`() async throws {
        #expect(try await answer(.other("get"), "/v1/orders/7").status == 501)
        let options = try await answer(.options, "/v1/orders/7")
        #expect(options.status == 204)
        #expect(options.headers["allow"] == "GET, HEAD, OPTIONS, PUT")
        let all = try await answer(.options, "*")
        #expect(all.status == 204)
        #expect(all.headers["allow"] == "GET, HEAD, OPTIONS, POST, PUT")
    }

    @Test func `HEAD is answered by the handler of GET (H91)`() async throws {
        #expect(try await answer(.head, "/v1/orders/mine").status == 200)
    }

    @Test func `a route's body limit is known before the body`() {
        #expect(router().bodyLimit(.put, "/v1/orders/7") == 7)
        #expect(router().bodyLimit(.get, "/v1/orders/7") == Router.bodyLimitDefault)
        #expect(router().bodyLimit(.get, "/nowhere") == Router.bodyLimitDefault)
    }

    @Test func `a thrown problem is its response, any other error a bare 500`() async throws {
        let conflict = try await answer(.get, "/problem")
        #expect(conflict.status == 409)
        #expect(conflict.headers["content-type"] == "application/problem+json")
        #expect(
            text(conflict)
                == #"{"code":"cart_already_ordered","detail":"Twice.","status":409,"title":"Conflict","type":"https://mercato.example/problems/cart_already_ordered"}"#
        )
        let odd = try await answer(.get, "/odd")
        #expect(odd.status == 500)
        #expect(!text(odd).contains("Odd"))
    }

    @Test func `errors without a problem of their own are reported once`() async throws {
        var router = router()
        await confirmation { reported in
            router.reportErrors { _, _ in reported() }
            for target in ["/odd", "/problem", "/nowhere"] {
                guard let request = Self.request(target) else { continue }
                _ = await router.respond(to: request)
            }
        }
    }

    private static func request(_ target: String) -> Request? {
        do { return try Request(.get, target) } catch { return nil }
    }

    @Test func `middleware runs in order, sees every status and the matched pattern`() async throws {
        var router = router()
        router.use(
            Middleware("outer") { request, next in
                var response = try await next(request)
                response.headers.add("trail", "outer \(response.status)")
                response.headers.add("pattern", request.context.routePattern ?? "none")
                return response
            })
        router.use(
            Middleware("inner") { request, next in
                request.context.requestID = "018f2c6e-0000-7000-8000-000000000001"
                return try await next(request)
            })
        let found = await router.respond(to: try Request(.get, "/v1/orders/7"))
        #expect(found.headers["trail"] == "outer 200")
        #expect(found.headers["pattern"] == "/v1/orders/{id}")
        let missing = await router.respond(to: try Request(.get, "/nowhere"))
        #expect(missing.headers["trail"] == "outer 404")
        #expect(missing.headers["pattern"] == "none")
        #expect(text(missing).contains("urn:uuid:018f2c6e-0000-7000-8000-000000000001"))
    }

    @Test func `a request that the parser rejected never reaches its handler`() async throws {
        let request = try Request(.get, "/v1/orders/7")
        request.context.rejection = ParseError(status: 417, code: "expectation_failed", detail: "x")
        #expect(await router().respond(to: request).status == 417)
    }
}
