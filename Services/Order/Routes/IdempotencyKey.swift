import Basics
import Crypto
import HTTP
import Postgres

/// The `Idempotency-Key` of a request: mandatory, made and kept by the client (D14, IK-1).
struct IdempotencyKey: Sendable, Equatable {
    /// The longest key, in bytes.
    static let lengthMax = 255

    let text: String

    /// Accepts a bare token or a structured-field string of printable ASCII; one header line.
    static func read(_ request: Request) throws(Problem) -> IdempotencyKey {
        let values = request.headers.values("idempotency-key")
        guard let first = values.first else {
            throw .badRequest(
                "idempotency_key_missing",
                "Send an Idempotency-Key header: a value of your own, the same for each retry.")
        }
        var text = first
        if text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") {
            text = String(text.dropFirst().dropLast())
        }
        guard values.count == 1, !text.isEmpty, text.utf8.count <= lengthMax,
            text.utf8.allSatisfy({ $0 >= 0x21 && $0 <= 0x7e })
        else {
            throw .badRequest(
                "idempotency_key_invalid",
                "An Idempotency-Key is one line of 1 to \(lengthMax) printable ASCII characters.")
        }
        return IdempotencyKey(text: text)
    }

    /// Covers method, path and body: the same key with another request is a client's mistake.
    static func hash(of request: Request) -> String {
        SHA256.hex(
            Array("\(request.method)\n\(request.path)\n".utf8) + request.body)
    }
}

/// What was answered under a key.
struct StoredAnswer: Sendable, Equatable {
    let requestHash: String
    let orderID: OrderID
    let status: Int
    let body: [UInt8]

    static func find(_ key: IdempotencyKey, of customer: CustomerID) -> Statement {
        Statement(
            """
            SELECT request_hash, order_id, status_code, body FROM idempotency_keys
            WHERE principal = $1 AND key = $2
            """, [.id(customer.value), .text(key.text)])
    }

    init(row: Row) throws {
        requestHash = try row.text("request_hash")
        orderID = OrderID(try row.id("order_id"))
        status = Int(try row.integer("status_code"))
        body = try row.bytes("body")
    }

    init(requestHash: String, orderID: OrderID, status: Int, body: [UInt8]) {
        self.requestHash = requestHash
        self.orderID = orderID
        self.status = status
        self.body = body
    }

    /// The first INSERT of the placing transaction: a twin waits here (architecture.md §2).
    func insert(_ key: IdempotencyKey, of customer: CustomerID) -> Statement {
        Statement(
            """
            INSERT INTO idempotency_keys (principal, key, request_hash, order_id, status_code, body)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            [
                .id(customer.value), .text(key.text), .text(requestHash), .id(orderID.value),
                .integer(Int64(status)), .bytes(body),
            ])
    }

    /// The stored bytes again, or 422 when the request is another one.
    func response(to hash: String, isReplay: Bool) throws(Problem) -> Response {
        guard hash == requestHash else {
            throw .unprocessable(
                "idempotency_key_reused",
                "This Idempotency-Key was used with another request; use a new one.")
        }
        var headers: Headers = ["location": "/v1/orders/\(orderID)"]
        if isReplay { headers["idempotency-replayed"] = "true" }
        return .bytes(status, body, type: "application/json", headers: headers)
    }
}
