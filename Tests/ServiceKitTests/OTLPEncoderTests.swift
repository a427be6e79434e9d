import Basics
import Foundation
import Telemetry
import Testing

@testable import ServiceKit

@Suite struct OTLPEncoderTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/otlp/spans.json")

    private static func parent(_ state: String? = nil) throws -> TraceContext {
        try #require(
            TraceContext(
                traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                tracestate: state))
    }

    private static func spans() throws -> [FinishedSpan] {
        [
            FinishedSpan(
                context: try parent(), parentSpanID: nil, name: "POST /v1/orders", kind: .server,
                start: WallTime(microseconds: 1_700_000_000_123_456),
                end: WallTime(microseconds: 1_700_000_000_223_456),
                attributes: [
                    "http.request.method": "POST", "http.response.status_code": 202,
                    "share": 0.5, "nan": .double(.nan), "yes": true,
                    "large": .integer(.max), "text": "quote \" back \\ line\n nul \u{0} ž",
                ]),
            FinishedSpan(
                context: try parent("a=b"), parentSpanID: 0x1f, name: "sql place order",
                kind: .client, start: WallTime(microseconds: 1_700_000_000_130_000),
                end: WallTime(microseconds: 1_700_000_000_140_000), failure: "it \"broke\""),
        ]
    }

    /// The golden file was read by opentelemetry-proto's own JSON parser when it was made.
    @Test func `spans are OTLP JSON, byte for byte`() throws {
        let encoder = OTLPEncoder(
            resource: ["service.name": "order", "service.version": "0.1.0"], version: "0.1.0")
        let text = String(decoding: encoder.encode(try Self.spans()), as: UTF8.self)
        #expect(text + "\n" == (try String(contentsOf: Self.golden, encoding: .utf8)))
    }

    @Test func `long text is cut between characters`() throws {
        var span = try Self.spans()[1]
        span.name = String(repeating: "ž", count: OTLPEncoder.textMax)
        let bytes = OTLPEncoder(resource: [:]).encode([span])
        let object = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
        let resource = (object?["resourceSpans"] as? [[String: Any]])?.first
        let scope = (resource?["scopeSpans"] as? [[String: Any]])?.first
        let name = (scope?["spans"] as? [[String: Any]])?.first?["name"] as? String
        #expect(name == String(repeating: "ž", count: OTLPEncoder.textMax / 2))
    }
}
