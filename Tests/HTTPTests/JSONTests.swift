import HTTP
import Testing

@Suite struct JSONTests {
    private struct Line: Codable, Equatable {
        var sku: String
        var quantity: Int
    }

    private struct Order: Codable, Equatable {
        var lines: [Line]
    }

    private func decode(_ body: String, type: String? = "application/json") throws -> Problem? {
        let request = try Request(.post, "/", body: Array(body.utf8))
        if let type { request.headers["content-type"] = type }
        do throws(Problem) {
            _ = try request.decodeJSON(Order.self)
            return nil
        } catch {
            return error
        }
    }

    private static let good = #"{"lines":[{"sku":"A","quantity":1}]}"#

    @Test func `a JSON body with a JSON media type is decoded`() throws {
        for type in ["application/json", "Application/JSON; charset=UTF-8", "application/x+json"] {
            #expect(try decode(Self.good, type: type) == nil)
        }
    }

    @Test func `any other media type is 415 (H97)`() throws {
        for type in [nil, "text/plain", "application/json; charset=latin1", "json", ""] {
            #expect(try decode(Self.good, type: type)?.code == "unsupported_media_type")
        }
    }

    @Test(arguments: ["", "{", "{\"lines\":", "{'a':1}", "nonsense", "\u{0}"])
    func `text that is not JSON is 400`(body: String) throws {
        let problem = try #require(try decode(body))
        #expect(problem.status == 400)
        #expect(problem.code == "malformed_json")
    }

    @Test(arguments: [
        ("{}", "/lines"), (#"{"lines":null}"#, "/lines"), (#"{"lines":3}"#, "/lines"),
        (#"{"lines":[{"sku":"A"}]}"#, "/lines/0/quantity"),
        (#"{"lines":[{"sku":"A","quantity":1},{"sku":7,"quantity":1}]}"#, "/lines/1/sku"),
    ])
    func `a wrong member is 422 with its pointer (PJ-1)`(body: String, pointer: String) throws {
        let problem = try #require(try decode(body))
        #expect(problem.status == 422)
        #expect(problem.code == "invalid_field")
        #expect(problem.extensions["errors"]?.elements?.first?["pointer"] == .string(pointer))
    }

    private func nested(_ levels: Int, open: String = "[", close: String = "]") -> String {
        String(repeating: open, count: levels) + "1" + String(repeating: close, count: levels)
    }

    @Test func `a body nested deeper than the limit is refused before it is decoded`() throws {
        for body in [
            nested(500), nested(JSONDepth.requestMax + 1), nested(500, open: #"{"a":"#, close: "}"),
            nested(100_000), #"{"a":"\"","b":"# + nested(JSONDepth.requestMax) + "}",
        ] {
            let problem = try #require(try decode(body))
            #expect(problem.status == 400)
            #expect(problem.detail?.contains("nested deeper than 64 levels") == true)
        }
        // The limit itself, and brackets that are text, are the decoder's business.
        #expect(try decode(nested(JSONDepth.requestMax))?.status == 422)
        let text = String(repeating: #"[{\"\\"#, count: 200)
        #expect(try decode(#"{"lines":[{"sku":""# + text + #"","quantity":1}]}"#) == nil)
    }

    @Test func `UTF-16 is refused: its depth cannot be counted by bytes`() throws {
        let request = try Request(.post, "/", headers: ["content-type": "application/json"])
        request.body = Self.good.utf8.flatMap { [$0, 0] }
        let problem = #expect(throws: Problem.self) { try request.decodeJSON(Order.self) }
        #expect(problem?.code == "malformed_json")
    }

    @Test func `a schema-free value has a limit of depth of its own`() throws {
        let deepest = nested(JSONValue.depthMax)
        #expect(throws: Never.self) {
            try JSONCoding.decode(JSONValue.self, from: Array(deepest.utf8))
        }
        for body in [
            nested(JSONValue.depthMax + 1), nested(40, open: #"{"a":"#, close: "}"), nested(500),
        ] {
            let error = #expect(throws: DecodingError.self) {
                try JSONCoding.decode(JSONValue.self, from: Array(body.utf8))
            }
            guard case .dataCorrupted(let context) = error else {
                Issue.record("refused for another reason: \(String(describing: error))")
                continue
            }
            #expect(context.debugDescription == "The value is nested deeper than 32 levels.")
        }
    }

    @Test(arguments: ["1.5", "1e23", "9223372036854775808", "-0.25"])
    func `a number that its field cannot hold is 422, not malformed`(number: String) throws {
        let body = #"{"lines":[{"sku":"A","quantity":"# + number + "}]}"
        let problem = try #require(try decode(body))
        #expect(problem.status == 422)
        #expect(problem.code == "invalid_field")
    }

    @Test func `schema-free values survive encoding and decoding`() throws {
        let value: JSONValue = [
            "a": [1, 2.5, true, nil, "x\n\"\\\u{1}\u{e9}/"], "b": ["c": []], "d": -9,
        ]
        #expect(try JSONCoding.decode(JSONValue.self, from: value.bytes) == value)
        #expect(try JSONCoding.decode(JSONValue.self, from: JSONCoding.encode(value)) == value)
        #expect(JSONValue.double(.nan).bytes == Array("null".utf8))
    }
}
