import Basics
import Foundation

/// The bodies sent to the provider. Made once, with the intent, and kept with it byte for byte: a
/// replay under the same key must carry the same bytes.
enum ProviderRequest {
    private struct Body: Encodable {
        let merchantReference: String
        var amountMinor: Int64?
        var currency: String?
        var cardToken: String?
        var authorization: String?

        mutating func take(_ total: Money) {
            amountMinor = total.minor
            currency = total.currency.code
        }

        enum CodingKeys: String, CodingKey {
            case merchantReference = "merchant_reference"
            case amountMinor = "amount_minor"
            case currency
            case cardToken = "card_token"
            case authorization
        }
    }

    static func body(
        _ kind: OperationKind, order: OrderID, state: PaymentState, command: PaymentCommand,
        cardToken: String?
    ) throws -> [UInt8] {
        var body = Body(merchantReference: order.description)
        switch kind {
        case .authorize:
            if case .authorize(let terms) = command { body.take(terms.total) }
            body.cardToken = cardToken
        case .capture, .refund:
            if let total = state.terms?.total { body.take(total) }
            body.authorization = state.authorization
        case .void:
            body.authorization = state.authorization
        }
        return try encode(body)
    }

    /// The body of a void that follows a call of the same transaction.
    static func void(order: OrderID, authorization: String) throws -> [UInt8] {
        try encode(
            Body(merchantReference: order.description, authorization: authorization))
    }

    private static func encode(_ body: Body) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(body))
    }

    static func path(_ kind: OperationKind) -> String {
        switch kind {
        case .authorize: "/v1/authorizations"
        case .capture: "/v1/captures"
        case .void: "/v1/voids"
        case .refund: "/v1/refunds"
        }
    }
}
