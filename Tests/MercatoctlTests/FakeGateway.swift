import Basics
import Sockets
import Synchronization

@testable import Mercatoctl

/// Answers load from memory; every call can be made to fail, or to wait.
final class FakeGateway: ShopTransport {
    private let calls = Mutex<[ShopCall]>([])
    private let answers: @Sendable (ShopCall, Int) async -> ShopAnswer

    /// - Parameter answers: gets the call, and how many of its method and path came before it.
    init(_ answers: @escaping @Sendable (ShopCall, Int) async -> ShopAnswer) {
        self.answers = answers
    }

    var seen: [ShopCall] { calls.withLock { $0 } }

    func send(_ call: ShopCall) async -> ShopAnswer {
        let earlier = calls.withLock { calls in
            let count = calls.count { $0.method == call.method && $0.path == call.path }
            calls.append(call)
            return count
        }
        return await answers(call, earlier)
    }

    /// A shop in which everything works.
    static func goodAnswer(_ call: ShopCall) -> ShopAnswer {
        switch (call.method, call.path) {
        case ("POST", "/v1/carts"): answer(201, #"{"id":"c1"}"#)
        case ("POST", "/v1/orders"): answer(202, #"{"id":"o1","status":"PENDING"}"#)
        case ("GET", "/v1/orders/o1/events"): events("OrderPlaced", "OrderConfirmed")
        case ("GET", "/v1/orders/o1"): answer(200, #"{"status":"CONFIRMED"}"#)
        default: answer(200, "{}")
        }
    }

    static func answer(_ status: Int, _ text: String = "{}") -> ShopAnswer {
        ShopAnswer(status: status, body: Array(text.utf8))
    }

    static func events(_ types: String...) -> ShopAnswer {
        let text = types.enumerated().map { index, type in
            let detail = type == "OrderCancelled" ? #"{"reason":"no_stock"}"# : "{}"
            return "id: \(index + 1)\nevent: \(type)\ndata: {\"detail\":\(detail)}\n\n"
        }.joined()
        return answer(200, text)
    }

    static let silence = ShopAnswer(status: nil, failure: "timeout")
    static let unreachable = ShopAnswer(status: nil, failure: "connectFailed", nothingSent: true)
}
