package import Basics
import Foundation

/// Jaeger's query API, as far as one order's trace needs it.
package struct JaegerAPI: Sendable {
    /// Traces of one order: one, unless the customer's key was sent anew.
    private static let tracesMax = 20
    /// Around the order's own instant; a saga in trouble goes on for hours.
    private static let before = Duration.seconds(3_600)
    private static let after = Duration.seconds(7 * 86_400)
    /// The attribute that the Order service gives to its spans.
    package static let orderTag = "mercato.order_id"

    package let url: String
    private let calls: any HTTPCalls

    package init(url: String, calls: any HTTPCalls) {
        self.url = url
        self.calls = calls
    }

    private struct Answer: Decodable { let data: [JaegerTrace]? }

    /// The traces that have a span of this order, the one with the most spans first.
    package func traces(of order: UniqueID) async throws -> [JaegerTrace] {
        // The id holds the instant of the order, so Jaeger need not search its whole memory.
        let at = WallTime(microseconds: order.milliseconds * 1_000)
        let tags = "{\"\(Self.orderTag)\":\"\(order)\"}"
        let query = [
            "service": "order", "tags": tags, "limit": String(Self.tracesMax),
            "start": String(at.advanced(by: .zero - Self.before).microseconds),
            "end": String(at.advanced(by: Self.after).microseconds),
        ]
        let text = query.sorted { $0.key < $1.key }
            .map { "\($0.key)=\(Self.encoded($0.value))" }.joined(separator: "&")
        let found = try await get("/api/traces?\(text)")
        return found.sorted { $0.spans.count > $1.spans.count }
    }

    /// One trace by its id; nil when Jaeger has not, or no longer, got it.
    package func trace(_ id: String) async throws -> JaegerTrace? {
        try await get("/api/traces/\(id)").first
    }

    private func get(_ path: String) async throws -> [JaegerTrace] {
        let answer = try await calls.call("GET", url + path, headers: [:], body: nil)
        if answer.status == 404 { return [] }
        guard answer.status == 200 else {
            throw CommandFailure(
                .failed, "Jaeger at \(url) answered \(answer.status): \(answer.text.prefix(200))")
        }
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(answer.body)).data ?? []
        } catch {
            throw CommandFailure(
                .failed, "\(url) does not answer as Jaeger's query API does",
                details: ["is it the right port? Jaeger's is 16686; \(error)"])
        }
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
                || (0x61...0x7a).contains(byte) || byte == 0x2d || byte == 0x5f
            if isPlain { return String(UnicodeScalar(byte)) }
            return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
