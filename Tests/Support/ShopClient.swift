package import Basics
import Foundation
import HTTP
import HTTPClient
package import Sockets
import Telemetry

/// A customer's calls to the gateway, for tests that need status, headers and exact bytes.
package struct ShopClient: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let headers: [String: String]
        package let body: [UInt8]

        package var text: String { String(decoding: body, as: UTF8.self) }

        /// The members of a JSON object; empty when it is none.
        package var json: [String: any Sendable] {
            let value = try? JSONSerialization.jsonObject(with: Data(body))  // Ignored: empty then.
            return value as? [String: any Sendable] ?? [:]
        }

        /// The stable code of a problem document.
        package var code: String? { json["code"] as? String }
    }

    package let url: String
    private let client: Client

    package init(_ url: String, loop: EventLoop) {
        var configuration = ClientConfiguration()
        configuration.requestTimeout = .seconds(20)
        configuration.poolWait = .seconds(20)
        configuration.maxConnectionsPerOrigin = 256
        configuration.maxPending = 4_096
        client = Client(
            loop: loop, configuration: configuration,
            logger: Logger(service: "test", sink: DiscardingSink()))
        self.url = url
    }

    package func call(
        _ method: String, _ path: String, as customer: UniqueID? = nil, body: String? = nil,
        headers: [String: String] = [:], answerBytesMax: Int = 1 << 20
    ) async throws -> Answer {
        var fields = Headers()
        if let customer { fields["authorization"] = "Bearer demo-\(customer)" }
        if body != nil { fields["content-type"] = "application/json" }
        for (name, value) in headers { fields[name] = value }
        let response = try await client.send(
            ClientRequest(
                method: Method(method), url: url + path, headers: fields,
                body: Array((body ?? "").utf8)))
        let bytes = try await response.body.collect(upTo: answerBytesMax)
        var seen: [String: String] = [:]
        for field in response.headers.fields { seen[field.name] = field.value }
        return Answer(status: response.status, headers: seen, body: bytes)
    }

    /// A cart of a new customer with one line in it.
    package func cart(_ customer: UniqueID, _ sku: String, quantity: Int = 1) async throws -> String {
        let opened = try await call("POST", "/v1/carts", as: customer)
        guard let cart = opened.json["id"] as? String else {
            throw StackFailure("no cart: \(opened.status) \(opened.text)")
        }
        let put = try await call(
            "PUT", "/v1/carts/\(cart)/lines/\(sku)", as: customer,
            body: #"{"quantity":\#(quantity)}"#)
        guard put.status == 200 else { throw StackFailure("no line: \(put.status) \(put.text)") }
        return cart
    }

    package func placeOrder(_ customer: UniqueID, cart: String, card: String, key: String)
        async throws -> Answer
    {
        try await call(
            "POST", "/v1/orders", as: customer,
            body: #"{"cart_id":"\#(cart)","card_token":"\#(card)"}"#,
            headers: ["idempotency-key": key])
    }

    /// Status and reason of an order.
    package func order(_ customer: UniqueID, _ id: String) async throws -> (
        status: String, reason: String?
    ) {
        let answer = try await call("GET", "/v1/orders/\(id)", as: customer)
        guard let status = answer.json["status"] as? String else {
            throw StackFailure("no order: \(answer.status) \(answer.text)")
        }
        return (status, answer.json["reason"] as? String)
    }
}
