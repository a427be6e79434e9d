import Basics
import Foundation
import HTTP
import HTTPClient

/// What the runner needs of the provider. Throws only `CancellationError`: everything that can go
/// wrong on the way is an `Exchange`.
protocol PaymentCompany: Sendable {
    /// The operation's request, under its key.
    func send(_ operation: ClaimedOperation) async throws -> Exchange
    /// What the provider has under the key.
    func query(_ operation: ClaimedOperation) async throws -> Exchange
    /// Fences the key.
    func cancel(_ operation: ClaimedOperation) async throws -> Exchange
}

/// The provider over HTTP. It is an outside company: it gets no customer id and no deadline of ours.
struct ProviderClient: PaymentCompany {
    let client: Client
    let baseURL: String
    /// For one exchange, from connecting to the last byte.
    let timeout: Duration

    /// The largest answer read, in bytes.
    private static let answerMax = 65_536

    func send(_ operation: ClaimedOperation) async throws -> Exchange {
        let headers: Headers = [
            "content-type": "application/json", "idempotency-key": operation.key,
        ]
        let answer: Answer
        switch try await exchange(
            .post, ProviderRequest.path(operation.kind), headers, operation.request)
        {
        case .failure(let silence): return silence.exchange
        case .success(let value): answer = value
        }
        return Self.read(answer, operation.kind)
    }

    func query(_ operation: ClaimedOperation) async throws -> Exchange {
        let key = operation.key.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
        let answer: Answer
        switch try await exchange(.get, "/v1/operations?key=\(key ?? operation.key)", [:], []) {
        case .failure(let silence): return silence.exchange
        case .success(let value): answer = value
        }
        guard answer.status == 200 else { return Self.failure(answer) }
        guard let list = try? JSONCoding.decode(OperationList.self, from: answer.body) else {
            // Ignored: how it is malformed does not matter; nothing was learned.
            return .silence("the list of operations cannot be read")
        }
        guard let found = list.operations.first(where: { $0.key == operation.key }) else {
            return .notFound
        }
        return Self.meaning(found, operation.kind, evidence: answer.text)
    }

    func cancel(_ operation: ClaimedOperation) async throws -> Exchange {
        let body = try JSONCoding.encode(
            Cancellation(
                key: operation.key, merchantReference: operation.order.description))
        let answer: Answer
        switch try await exchange(
            .post, "/v1/cancellations", ["content-type": "application/json"], body)
        {
        case .failure(let silence): return silence.exchange
        case .success(let value): answer = value
        }
        return Self.read(answer, operation.kind)
    }
}

// MARK: Reading answers

extension ProviderClient {
    struct Answer: Sendable {
        let status: Int
        /// The provider says that this was stored under the key before.
        let isReplay: Bool
        let body: [UInt8]

        var text: String { String(decoding: body.prefix(2_048), as: UTF8.self) }
    }

    private struct Operation: Decodable {
        let key: String?
        let outcome: String
        let providerRef: String?
        let reason: String?

        enum CodingKeys: String, CodingKey {
            case key, outcome
            case providerRef = "provider_ref"
            case reason
        }
    }

    private struct OperationList: Decodable {
        let operations: [Operation]
    }

    private struct Cancellation: Encodable {
        let key: String
        let merchantReference: String

        enum CodingKeys: String, CodingKey {
            case key
            case merchantReference = "merchant_reference"
        }
    }

    /// Pure: what an answer to a send or a cancellation says.
    static func read(_ answer: Answer, _ kind: OperationKind) -> Exchange {
        guard answer.status == 200 else { return failure(answer) }
        guard let operation = try? JSONCoding.decode(Operation.self, from: answer.body) else {
            // Ignored: how it is malformed does not matter; nothing was learned.
            return .silence("the answer cannot be read")
        }
        return meaning(operation, kind, evidence: answer.text)
    }

    private static func meaning(
        _ operation: Operation, _ kind: OperationKind, evidence: String
    ) -> Exchange {
        let reason = operation.reason ?? operation.outcome
        switch (kind, operation.outcome) {
        case (.authorize, "approved"), (.capture, "captured"), (.void, "voided"),
            (.refund, "refunded"):
            guard let reference = operation.providerRef else {
                return .rejected("a success without provider_ref")
            }
            return .outcome(.done(reference: reference))
        case (.authorize, "declined"), (.capture, "refused"), (.void, "refused"),
            (.refund, "refused"):
            return .outcome(.refused(reason: reason))
        case (_, "pending"):
            return .outcome(.pending)
        case (_, "cancelled"):
            return .outcome(.fenced(evidence: evidence))
        case (_, "error"):
            return .serverError(stored: true)
        default:
            return .rejected("outcome \(operation.outcome) does not fit \(kind.rawValue)")
        }
    }

    private static func failure(_ answer: Answer) -> Exchange {
        switch answer.status {
        case 409: .inProgress
        case 408, 429: .silence("status \(answer.status)")
        case 400..<500: .rejected("status \(answer.status)")
        case 500...: .serverError(stored: answer.isReplay)
        default: .silence("status \(answer.status)")
        }
    }
}

// MARK: One exchange

extension ProviderClient {
    private struct Silence: Error {
        let text: String
        var exchange: Exchange { .silence(text) }
    }

    private func exchange(
        _ method: HTTP.Method, _ target: String, _ headers: Headers, _ body: [UInt8]
    ) async throws -> Result<Answer, Silence> {
        do {
            let response = try await client.send(
                ClientRequest(
                    method: method, url: baseURL + target, headers: headers, body: body,
                    route: String(target.prefix { $0 != "?" })),
                deadline: .after(timeout))
            let isReplay = response.headers["idempotency-replayed"] == "true"
            let bytes = try await response.body.collect(upTo: Self.answerMax)
            return .success(Answer(status: response.status, isReplay: isReplay, body: bytes))
        } catch {
            try Task.checkCancellation()
            return .failure(Silence(text: String(describing: error)))
        }
    }
}
