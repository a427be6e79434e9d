import HTTP
import Testing

@Suite struct CanonicalPathTests {
    @Test(arguments: [
        ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("//a///b", "/a/b"), ("/a/./b", "/a/b"),
        ("/a/../b", "/b"), ("/a/b/..", "/a/"), ("/a/.", "/a/"), ("/%41", "/A"),
        ("/%C3%A9", "/\u{e9}"), ("/a%20b", "/a b"), ("/%252e%252e/x", "/%2e%2e/x"),
        ("/...", "/..."), ("/v1/orders", "/v1/orders"),
    ])
    func `a path has one decoded form (PX-3, H24)`(raw: String, decoded: String) throws {
        let path = try CanonicalPath(raw)
        #expect(path.decoded == decoded)
        // The encoded form is read back as the same path: what we route is what we forward.
        #expect(try CanonicalPath(path.encoded) == path)
    }

    @Test(arguments: [
        "", "a", "/..", "/a/../..", "/%2f", "/%2F", "/%5C", "/%5c", "/%00", "/%2e", "/%2e%2E",
        "/.%2e/a", "/%", "/%4", "/%g1", "/%c0%af", "/%ff", "/%7f", "/%0a",
    ])
    func `a path that two readers could take differently is refused (PX-3, H22, H23)`(raw: String) {
        #expect(throws: ParseError.self) { try CanonicalPath(raw) }
    }

    @Test func `a query keeps order and repetitions, and is decoded once`() throws {
        let request = try Request(.get, "/x?sku=A&sku=B+C&empty&pair=a%3Db=c")
        #expect(request.query.map(\.name) == ["sku", "sku", "empty", "pair"])
        #expect(request.query.map(\.value) == ["A", "B C", "", "a=b=c"])
        #expect(request.query("sku") == "A")
        #expect(QueryString.text([("a b", "c&d"), ("e", "\u{e9}")]) == "a%20b=c%26d&e=%C3%A9")
    }

    @Test func `the target sent onwards is canonical, its query untouched`() throws {
        let request = try Request(.get, "//v1/./orders/a%20b?x=%41")
        #expect(request.canonicalTarget == "/v1/orders/a%20b?x=%41")
        #expect(request.path == "/v1/orders/a b")
    }
}
