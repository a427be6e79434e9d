import Basics
import Synchronization

@testable import Mercatoctl

/// The gateway's answers from memory: every order ends as its card or product says.
final class FakeShop: HTTPCalls {
    struct Call: Sendable, Equatable {
        let method: String
        let path: String
        let body: String
    }

    private let calls = Mutex<[Call]>([])
    private let lastCard = Mutex("")
    private let levels: [String: Int64]

    /// - Parameter levels: stock on hand as Inventory's audit shows it.
    init(levels: [String: Int64] = [:]) { self.levels = levels }

    var seen: [Call] { calls.withLock { $0 } }

    func call(
        _ method: String, _ url: String, headers: [String: String], body: [UInt8]?
    ) async throws -> HTTPAnswer {
        let path = String(url.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" })
        let text = String(decoding: body ?? [], as: UTF8.self)
        calls.withLock { $0.append(Call(method: method, path: path, body: text)) }
        switch (method, path) {
        case ("POST", "/v1/carts"): return answer(201, #"{"id":"c1","version":1,"lines":[]}"#)
        case ("POST", "/v1/orders"):
            lastCard.withLock { $0 = text }
            return answer(202, #"{"id":"o1","status":"PENDING"}"#)
        case ("GET", "/v1/orders/o1"):
            let end = isDeclined ? #""CANCELLED","reason":"payment_declined""# : #""CONFIRMED""#
            return answer(
                200, #"{"status":\#(end),"total":{"amount_minor":2405,"currency":"EUR"}}"#)
        case ("GET", _) where path.hasPrefix("/v1/products/"):
            return answer(200, #"{"available":7}"#)
        default: return answer(200, "{}")
        }
    }

    func stream(
        _ url: String, headers: [String: String], limit: Deadline,
        _ piece: (_ bytes: [UInt8]) async throws -> Bool
    ) async throws -> Int {
        let text = url.hasSuffix("/audit") ? audit : events
        _ = try await piece(Array(text.utf8))
        return 200
    }

    private var isDeclined: Bool { lastCard.withLock { $0.contains("tok_declined") } }

    private var events: String {
        let types = isDeclined ? ["OrderPlaced", "PaymentDeclined", "StockReleased", "OrderCancelled"]
            : ["OrderPlaced", "StockReserved", "PaymentCaptured", "OrderConfirmed"]
        return types.enumerated().map { index, type in
            let at = "2026-01-01T00:00:00.0\(10 + index)Z"
            return "id: \(index + 1)\nevent: \(type)\ndata: {\"type\":\"\(type)\",\"at\":\"\(at)\"}\n\n"
        }.joined()
    }

    private var audit: String {
        let rows = levels.sorted { $0.key < $1.key }.map { sku, onHand in
            #"{"t":"stock","r":{"sku":"\#(sku)","on_hand":\#(onHand),"held":0,"version":4}}"#
        }
        let head = #"{"t":"audit","r":{"service":"inventory","at":"x"}}"#
        let end = #"{"t":"end","r":{"rows":\#(rows.count)}}"#
        return ([head] + rows + [end]).joined(separator: "\n") + "\n"
    }

    private func answer(_ status: Int, _ text: String) -> HTTPAnswer {
        HTTPAnswer(status: status, body: Array(text.utf8))
    }
}
