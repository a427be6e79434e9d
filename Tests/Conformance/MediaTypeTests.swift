import HTTP
import Testing

/// Routes that take JSON take nothing else (RFC 9110 §15.5.16).
@Suite(.serialized, .timeLimit(.minutes(1)))
struct MediaTypeTests {
    static let accepted = [
        "application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"", "application/json ;\tcharset=Utf-8; ", "application/json;",
        "application/problem+json", "application/json; profile=\"a;b\\\"c\"",
    ]
    static let wrong = [
        "text/plain", "text/json", "application/xml", "application/jsonx", "json", "application/",
        "application/json; charset=latin1", "application/json; charset", "application json",
        "application/json, text/plain", "application/json; charset=\"utf-8", "*/*", "",
        "multipart/form-data; boundary=application/json", "application/x-www-form-urlencoded",
    ]

    private func jsonRoute(_ router: inout Router, _ handled: Handled) {
        router.on(.post, "/json") { request in
            _ = try request.decodeJSON(JSONValue.self)
            handled.note(request)
            return .text(200, "read")
        }
    }

    /// The status of a POST with these fields; the request behind it is answered as well.
    private func status(_ fields: String, _ running: Running) async throws -> Int {
        let request = post("\(fields)Content-Length: 2\r\n", body: "{}", target: "/json")
        let said = try await running.exchange(request + get("Connection: close\r\n"))
        #expect(said.statuses.count == 2 && said.statuses.last == 200)
        return said.statuses.first ?? 0
    }

    @Test(arguments: accepted)
    func `H97: JSON is read whatever the spelling of its type`(type: String) async throws {
        try await withServer(routes: jsonRoute) { running in
            let status = try await status("Content-Type: \(type)\r\n", running)
            #expect(status == 200)
        }
    }

    @Test(arguments: wrong)
    func `H97: another media type is a 415, and the connection goes on`(type: String) async throws {
        try await withServer(routes: jsonRoute) { running in
            let status = try await status("Content-Type: \(type)\r\n", running)
            #expect(status == 415)
            #expect(running.handled.all == ["GET /ok"])
        }
    }

    @Test func `H97: none at all is a 415, two are a 400`() async throws {
        try await withServer(routes: jsonRoute) { running in
            let without = try await status("", running)
            #expect(without == 415)
            let twice = try await status(times("Content-Type: application/json\r\n", 2), running)
            #expect(twice == 400)
        }
    }

    @Test func `a media type keeps its parameters, without quotes`() throws {
        let type = try #require(MediaType("Text/Plain; Charset=\"a\\\"b\" ;x=y"))
        #expect(type.essence == "text/plain")
        #expect(type["charset"] == "a\"b" && type["x"] == "y" && type["z"] == nil)
    }
}
