import HTTP
import Testing

@Suite struct HeadersTests {
    @Test func `names are the same in any case`() {
        var headers: Headers = ["Content-Type": "a/b"]
        #expect(headers["content-TYPE"] == "a/b")
        headers["CONTENT-type"] = "c/d"
        #expect(headers.count == 1)
        #expect(headers.fields.first?.name == "content-type")
        headers["content-type"] = nil
        #expect(headers.isEmpty)
    }

    @Test func `setting replaces every line, adding keeps them`() {
        var headers = Headers()
        headers.add("X", "1")
        headers.add("Y", "2")
        headers.add("x", "3")
        #expect(headers.values("x") == ["1", "3"])
        headers["x"] = "4"
        #expect(headers.values("x") == ["4"])
        #expect(headers["y"] == "2")
    }

    @Test func `list members are trimmed and lower case over all lines`() {
        var headers: Headers = ["Connection": "Close , , X-Foo"]
        headers.add("connection", "\tTE ")
        #expect(headers.tokens("connection") == ["close", "x-foo", "te"])
    }
}
