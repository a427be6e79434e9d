/// What a merchant may ask of the payment company. The raw value is the journal's `kind`.
enum OperationKind: String, Sendable, Codable {
    case authorize, capture, void, refund
    /// Not a movement of money: it fences a key, so that a request still on its way has no effect.
    case cancel
}

/// How a request ended. The raw value is both the answer's and the journal's `outcome`.
enum Outcome: String, Sendable, Codable {
    case approved, declined, captured, refused, voided, refunded, cancelled
    /// A technical failure that was stored under the key: every replay gets the same failure.
    case error
}

/// One request as the ledger sees it: already parsed, with the hash of its exact body.
struct Instruction: Sendable, Equatable {
    let key: String
    let kind: OperationKind
    /// The merchant's own name for the purchase; Mercato sends the order id.
    let merchantReference: String
    /// Minor units. Absent for a void, which always takes the whole authorization.
    let amountMinor: Int64?
    let currency: String?
    let cardToken: String?
    /// The `provider_ref` of the authorization that a capture, void or refund belongs to.
    let authorization: String?
    let bodyHash: String
}

/// One line of the journal: the ground truth that every check of Mercato is measured against.
struct JournalEntry: Sendable, Equatable, Codable {
    /// What does not fit the fixed columns, for people and for rebuilding the ledger's state.
    struct Evidence: Sendable, Equatable, Codable {
        var cardToken: String?
        var authorization: String?
        var reason: String?

        enum CodingKeys: String, CodingKey {
            case cardToken = "card_token"
            case authorization, reason
        }
    }

    let seq: Int64
    /// RFC 3339, UTC.
    let at: String
    let key: String
    let merchantReference: String?
    let kind: OperationKind
    let amountMinor: Int64?
    let currency: String?
    let bodyHash: String
    let outcome: Outcome
    let providerRef: String?
    var evidence: Evidence

    enum CodingKeys: String, CodingKey {
        case seq, at, key
        case merchantReference = "merchant_reference"
        case kind
        case amountMinor = "amount_minor"
        case currency
        case bodyHash = "body_hash"
        case outcome
        case providerRef = "provider_ref"
        case evidence
    }

    /// Absent columns are written as null, so that every line has the same columns.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(seq, forKey: .seq)
        try container.encode(at, forKey: .at)
        try container.encode(key, forKey: .key)
        try container.encode(merchantReference, forKey: .merchantReference)
        try container.encode(kind, forKey: .kind)
        try container.encode(amountMinor, forKey: .amountMinor)
        try container.encode(currency, forKey: .currency)
        try container.encode(bodyHash, forKey: .bodyHash)
        try container.encode(outcome, forKey: .outcome)
        try container.encode(providerRef, forKey: .providerRef)
        try container.encode(evidence, forKey: .evidence)
    }
}
