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
        var request = try Request(.post, "/", body: Array(body.utf8))
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

    @Test func `schema-free values survive encoding and decoding`() throws {
        let value: JSONValue = [
            "a": [1, 2.5, true, nil, "x\n\"\\\u{1}\u{e9}/"], "b": ["c": []], "d": -9,
        ]
        #expect(try JSONCoding.decode(JSONValue.self, from: value.bytes) == value)
        #expect(try JSONCoding.decode(JSONValue.self, from: JSONCoding.encode(value)) == value)
        #expect(JSONValue.double(.nan).bytes == Array("null".utf8))
    }
}
