import Crypto
import Foundation
import HTTP

/// POST /v1/authorizations, /v1/captures, /v1/voids, /v1/refunds and /v1/cancellations.
struct MoneyRoutes: Sendable {
    let desk: ProviderDesk

    /// The largest body of a request, in bytes.
    static let bodyLimit = 16_384
    /// The longest key, reference or token, in characters.
    static let textMax = 200

    func add(to router: inout Router) {
        for (path, kind) in [
            ("/v1/authorizations", OperationKind.authorize), ("/v1/captures", .capture),
            ("/v1/voids", .void), ("/v1/refunds", .refund),
        ] {
            router.on(.post, path, bodyLimit: Self.bodyLimit) { request in
                try await perform(kind, request)
            }
        }
        router.on(.post, "/v1/cancellations", bodyLimit: Self.bodyLimit) { request in
            try await cancel(request)
        }
    }

    private struct Body: Decodable {
        let merchantReference: String
        let amountMinor: Int64?
        let currency: String?
        let cardToken: String?
        let authorization: String?

        enum CodingKeys: String, CodingKey {
            case merchantReference = "merchant_reference"
            case amountMinor = "amount_minor"
            case currency
            case cardToken = "card_token"
            case authorization
        }
    }

    private struct CancelBody: Decodable {
        let key: String
        let merchantReference: String?

        enum CodingKeys: String, CodingKey {
            case key
            case merchantReference = "merchant_reference"
        }
    }

    private func perform(_ kind: OperationKind, _ request: Request) async throws -> Response {
        guard let key = request.headers["idempotency-key"], Self.isShort(key) else {
            throw Problem.badRequest(
                "idempotency_key_missing", "The header Idempotency-Key is missing or too long.")
        }
        let body = try request.decodeJSON(Body.self)
        guard Self.isShort(body.merchantReference),
            [body.currency, body.cardToken, body.authorization].allSatisfy({
                $0.map(Self.isShort) ?? true
            })
        else { throw Problem.unprocessable("invalid_field", "A text is empty or too long.") }
        let reply = try await desk.perform(
            Instruction(
                key: key, kind: kind, merchantReference: body.merchantReference,
                amountMinor: body.amountMinor, currency: body.currency, cardToken: body.cardToken,
                authorization: body.authorization, bodyHash: SHA256.hex(request.body)))
        switch reply {
        case .answer(let entry, let isReplay):
            return try Self.response(for: entry, isReplay: isReplay)
        case .keyReused:
            throw Problem.unprocessable(
                "idempotency_key_reused", "The key was used with another body.")
        case .inProgress:
            throw Self.inProgress
        case .silence:
            return Self.silence
        }
    }

    private func cancel(_ request: Request) async throws -> Response {
        let body = try request.decodeJSON(CancelBody.self)
        guard Self.isShort(body.key) else {
            throw Problem.unprocessable("invalid_field", "The key is empty or too long.")
        }
        switch try await desk.cancel(key: body.key, merchantReference: body.merchantReference) {
        case .fenced(let entry): return try Self.response(for: entry, isReplay: false)
        case .settled(let entry): return try Self.response(for: entry, isReplay: true)
        case .inProgress: throw Self.inProgress
        }
    }

    private static func isShort(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= textMax
    }

    private static var inProgress: Problem {
        var problem = Problem.conflict(
            "idempotency_in_progress", "The same request is being carried out.")
        problem.headers["retry-after"] = "1"
        return problem
    }

    /// A stored technical failure keeps its status 500 on every replay, as real providers do.
    private static func response(for entry: JournalEntry, isReplay: Bool) throws -> Response {
        var response = try Response.json(
            entry.outcome == .error ? 500 : 200, OperationView(.settled(entry)))
        if isReplay { response.headers["idempotency-replayed"] = "true" }
        return response
    }

    /// The caller gave up long ago: the answer breaks off, so that nobody can take it for one.
    private static var silence: Response {
        .stream(200, type: "application/json") { _ in throw CancellationError() }
    }
}

/// One operation as the API shows it.
struct OperationView: Encodable, Sendable, Equatable {
    let key: String
    let kind: String
    let merchantReference: String?
    let amountMinor: Int64?
    let currency: String?
    let outcome: String
    let providerRef: String?
    let reason: String?

    init(_ known: ProviderLedger.Known) {
        switch known {
        case .settled(let entry):
            key = entry.key
            kind = entry.kind.rawValue
            merchantReference = entry.merchantReference
            amountMinor = entry.amountMinor
            currency = entry.currency
            outcome = entry.outcome.rawValue
            providerRef = entry.providerRef
            reason = entry.evidence.reason
        case .pending(let instruction):
            key = instruction.key
            kind = instruction.kind.rawValue
            merchantReference = instruction.merchantReference
            amountMinor = instruction.amountMinor
            currency = instruction.currency
            outcome = "pending"
            providerRef = nil
            reason = nil
        }
    }

    enum CodingKeys: String, CodingKey {
        case key, kind
        case merchantReference = "merchant_reference"
        case amountMinor = "amount_minor"
        case currency, outcome
        case providerRef = "provider_ref"
        case reason
    }
}
