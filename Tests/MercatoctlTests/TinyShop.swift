import Basics
import Foundation
import HTTP
import HTTPServer
import Sockets
import Support
import Synchronization

/// A shop of one process on a real port, for generators that are programs: every order is confirmed
/// while there is stock, and its events are there at once.
final class TinyShop: Sendable {
    private struct State {
        var available: [String: Int64] = ["MUG-BLUE": 0, "FLASH-SALE": 0]
        /// What is in a cart, and how an order ended; ids are the customers' tokens.
        var carts: [String: (sku: String, quantity: Int64)] = [:]
        var ends: [String: String] = [:]
    }

    private let state = Mutex(State())

    /// Runs `body` with the shop's address; the admin port is the same one.
    static func run<Value: Sendable>(_ body: (TinyShop, String, EventLoop) async throws -> Value)
        async throws -> Value
    {
        let shop = TinyShop()
        return try await TestLoop.run { loop in
            var limits = ServerLimits()
            limits.drain = .milliseconds(200)
            let server = Server(
                configuration: ServerConfiguration(port: 0, limits: limits),
                router: shop.router(), loop: loop, logger: QuietLog.logger(),
                metrics: QuietLog.metrics())
            let port = try await server.start()
            let serving = Task(executorPreference: loop) { try await server.run() }
            do {
                let value = try await body(shop, "http://127.0.0.1:\(port)", loop)
                serving.cancel()
                _ = await serving.result
                return value
            } catch {
                serving.cancel()
                _ = await serving.result
                throw error
            }
        }
    }

    private func router() -> Router {
        var router = Router()
        router.on(.get, "/v1/products") { [self] _ in
            json(200, #"{"products":[{"sku":"MUG-BLUE"},{"sku":"SOLD-OUT-POSTER"}]}"#)
        }
        router.on(.get, "/v1/products/{sku}") { [self] request in
            let sku = try request.parameter("sku")
            let count = state.withLock { $0.available[sku] ?? 0 }
            return json(200, #"{"available":\#(count),"stale":false}"#)
        }
        router.on(.post, "/v1/carts") { [self] in json(201, #"{"id":"\#(Self.customer($0))"}"#) }
        router.on(.put, "/v1/carts/{id}/lines/{sku}") { [self] request in
            let (cart, sku) = (try request.parameter("id"), try request.parameter("sku"))
            let quantity = Self.number("quantity", request)
            state.withLock { $0.carts[cart] = (sku, quantity) }
            return json(200, "{}")
        }
        router.on(.post, "/v1/orders") { [self] in placed($0) }
        router.on(.get, "/v1/orders/{id}/events") { [self] request in
            let id = try request.parameter("id")
            let end = state.withLock { $0.ends[id] } ?? ""
            return .bytes(200, Array(end.utf8), type: "text/event-stream")
        }
        router.on(.post, "/admin/inventory/receipts") { [self] request in
            let body = try JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
            let sku = body?["sku"] as? String ?? ""
            let quantity = Self.number("quantity", request)
            state.withLock { $0.available[sku, default: 0] += quantity }
            return json(201, "{}")
        }
        router.on(.put, "/admin/inventory/products/{sku}") { _ in .empty() }
        return router
    }

    private func placed(_ request: Request) -> Response {
        let id = Self.customer(request)
        let isDeclined = String(decoding: request.body, as: UTF8.self).contains("tok_declined")
        state.withLock { state in
            guard let (sku, quantity) = state.carts[id] else { return }
            let there = state.available[sku] ?? 0
            if isDeclined || there < quantity {
                let reason = isDeclined ? "payment_declined" : "no_stock"
                state.ends[id] = "id: 2\nevent: OrderCancelled\n"
                    + #"data: {"detail":{"reason":"\#(reason)"},"type":"OrderCancelled"}"# + "\n\n"
            } else {
                state.available[sku] = there - quantity
                state.ends[id] = "id: 2\nevent: OrderConfirmed\ndata: {\"detail\":{}}\n\n"
            }
        }
        return json(202, #"{"id":"\#(id)"}"#)
    }

    private func json(_ status: Int, _ text: String) -> Response {
        .bytes(status, Array(text.utf8), type: "application/json")
    }

    private static func customer(_ request: Request) -> String {
        String((request.headers["authorization"] ?? "").dropFirst("Bearer demo-".count))
    }

    private static func number(_ name: String, _ request: Request) -> Int64 {
        // Ignored: a body that is no object has no numbers; the test sees zero then.
        let body = try? JSONSerialization.jsonObject(with: Data(request.body)) as? [String: Any]
        return (body?[name] as? NSNumber)?.int64Value ?? 0
    }
}
