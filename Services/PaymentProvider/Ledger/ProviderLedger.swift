import Crypto

/// The payment company's books as a pure state machine: request in, decision out. It does not
/// protect a merchant from its own mistakes: a second authorization under another key is a second
/// authorization, so a merchant that rotates keys blindly is found out by the journal.
///
/// The driver calls `begin`, then (after any delay) `settle`, writes the entry, and `confirm`s it
/// once it is durable. Until then the key counts as in progress and nothing is answered.
struct ProviderLedger: Sendable {
    /// What to do with a request that has just arrived.
    enum Admission: Sendable, Equatable {
        /// The first time this key is seen: go on with `settle` or `abandon`.
        case fresh
        /// The key was used with the same body before: this is its stored answer.
        case replay(JournalEntry)
        /// The key was used with another body.
        case keyReused
        /// The same request is being carried out at this moment.
        case inProgress
    }

    enum Cancellation: Sendable, Equatable {
        /// Nothing had happened under the key; this entry fences it.
        case fenced(JournalEntry)
        /// Too late: the key has an outcome already (or was fenced before).
        case settled(JournalEntry)
        case inProgress
    }

    /// What a query shows: a settled entry, or a key whose request is still under way.
    enum Known: Sendable, Equatable {
        case settled(JournalEntry)
        case pending(Instruction)
    }

    private struct Authorization: Sendable {
        let merchantReference: String
        let amountMinor: Int64
        let currency: String
        let cardToken: String
        var captured: Int64 = 0
        var refunded: Int64 = 0
        var isVoided = false
    }

    private struct Failure: Sendable, Hashable {
        let merchantReference: String
        let kind: OperationKind
    }

    private var seq: Int64 = 0
    private var settled: [String: JournalEntry] = [:]
    private var underWay: [String: Instruction] = [:]
    private var keysByReference: [String: [String]] = [:]
    private var authorizations: [String: Authorization] = [:]
    private var failures: Set<Failure> = []

    init() {}

    mutating func begin(_ instruction: Instruction) -> Admission {
        if let current = underWay[instruction.key] {
            if current.kind == .cancel { return .inProgress }
            return current.bodyHash == instruction.bodyHash ? .inProgress : .keyReused
        }
        if let entry = settled[instruction.key] {
            // A key fenced before its request arrived has no hash to compare with.
            if entry.bodyHash.isEmpty || entry.bodyHash == instruction.bodyHash {
                return .replay(entry)
            }
            return .keyReused
        }
        underWay[instruction.key] = instruction
        return .fresh
    }

    /// Forgets a request that was begun and lost before it had any effect.
    mutating func abandon(_ key: String) {
        if settled[key] == nil { underWay[key] = nil }
    }

    /// Decides a request and takes its effect into the books. `forced` is a behaviour's verdict.
    mutating func settle(_ instruction: Instruction, forced: Verdict?, at: String) -> JournalEntry {
        let verdict = forced?.applies(to: instruction.kind) == true ? forced : nil
        let (outcome, reason) = decide(instruction, verdict: verdict)
        let source = instruction.authorization.flatMap { authorizations[$0] }
        let entry = JournalEntry(
            seq: seq + 1, at: at, key: instruction.key,
            merchantReference: instruction.merchantReference, kind: instruction.kind,
            amountMinor: instruction.amountMinor ?? source?.amountMinor,
            currency: instruction.currency ?? source?.currency, bodyHash: instruction.bodyHash,
            outcome: outcome, providerRef: Self.reference(instruction, outcome),
            evidence: .init(
                cardToken: instruction.cardToken ?? source?.cardToken,
                authorization: instruction.authorization, reason: reason))
        apply(entry)
        return entry
    }

    /// The entry is durable: its answer may be given and replayed.
    mutating func confirm(_ key: String) { underWay[key] = nil }

    /// Fences a key (D12): afterwards no request under it can have an effect. As with `settle`, the
    /// key is in progress until `confirm`.
    mutating func cancel(key: String, merchantReference: String?, at: String) -> Cancellation {
        if underWay[key] != nil { return .inProgress }
        let before = settled[key]
        if let before, before.outcome != .error { return .settled(before) }
        let entry = JournalEntry(
            seq: seq + 1, at: at, key: key,
            merchantReference: before?.merchantReference ?? merchantReference, kind: .cancel,
            amountMinor: nil, currency: nil, bodyHash: before?.bodyHash ?? "",
            outcome: .cancelled, providerRef: nil,
            evidence: .init(reason: before == nil ? "key_never_seen" : "stored_error"))
        apply(entry)
        underWay[key] = Instruction(
            key: key, kind: .cancel, merchantReference: entry.merchantReference ?? "",
            amountMinor: nil, currency: nil, cardToken: nil, authorization: nil,
            bodyHash: entry.bodyHash)
        return .fenced(entry)
    }

    func query(key: String) -> Known? {
        if let current = underWay[key] { return .pending(current) }
        return settled[key].map(Known.settled)
    }

    func query(merchantReference: String) -> [Known] {
        let pending = underWay.values.filter { $0.merchantReference == merchantReference }
            .sorted { $0.key < $1.key }.map(Known.pending)
        let keys = keysByReference[merchantReference] ?? []
        return keys.filter { underWay[$0] == nil }.compactMap { settled[$0].map(Known.settled) }
            + pending
    }

    /// The card behind a request: its own, or that of the authorization it belongs to.
    func cardToken(of instruction: Instruction) -> String? {
        instruction.cardToken
            ?? instruction.authorization.flatMap { authorizations[$0]?.cardToken }
    }

    /// Whether this purchase already met a stored error for this kind, under whatever key.
    func hasFailed(_ instruction: Instruction) -> Bool {
        failures.contains(
            Failure(merchantReference: instruction.merchantReference, kind: instruction.kind))
    }
}

extension ProviderLedger {
    private func decide(_ instruction: Instruction, verdict: Verdict?) -> (Outcome, String?) {
        if verdict == .error { return (.error, "internal_error") }
        if instruction.kind == .authorize {
            guard let amount = instruction.amountMinor, amount > 0, instruction.currency != nil else {
                return (.declined, "invalid_amount")
            }
            if case .refuse(let reason) = verdict { return (.declined, reason) }
            return (.approved, nil)
        }
        guard let name = instruction.authorization, let source = authorizations[name],
            source.merchantReference == instruction.merchantReference
        else { return (.refused, "unknown_authorization") }
        switch instruction.kind {
        case .authorize, .cancel:
            return (.refused, "unsupported")
        case .capture:
            if source.isVoided { return (.refused, "already_voided") }
            if source.captured > 0 { return (.refused, "already_captured") }
            guard let amount = instruction.amountMinor, amount > 0, amount <= source.amountMinor,
                instruction.currency == source.currency
            else { return (.refused, "amount_not_authorized") }
            if case .refuse(let reason) = verdict { return (.refused, reason) }
            return (.captured, nil)
        case .void:
            if source.captured > 0 { return (.refused, "already_captured") }
            return source.isVoided ? (.refused, "already_voided") : (.voided, nil)
        case .refund:
            guard let amount = instruction.amountMinor, amount > 0,
                amount <= source.captured - source.refunded, instruction.currency == source.currency
            else { return (.refused, "amount_not_captured") }
            if case .refuse(let reason) = verdict { return (.refused, reason) }
            return (.refunded, nil)
        }
    }

    /// Takes an entry into the books: one just decided, or one read from the journal at start.
    mutating func apply(_ entry: JournalEntry) {
        seq = max(seq, entry.seq)
        if settled.updateValue(entry, forKey: entry.key) == nil, let name = entry.merchantReference {
            keysByReference[name, default: []].append(entry.key)
        }
        switch entry.outcome {
        case .approved:
            guard let name = entry.providerRef, let reference = entry.merchantReference,
                let amount = entry.amountMinor, let currency = entry.currency
            else { return }
            authorizations[name] = Authorization(
                merchantReference: reference, amountMinor: amount, currency: currency,
                cardToken: entry.evidence.cardToken ?? "")
        case .captured:
            change(entry) { $0.captured += entry.amountMinor ?? 0 }
        case .voided:
            change(entry) { $0.isVoided = true }
        case .refunded:
            change(entry) { $0.refunded += entry.amountMinor ?? 0 }
        case .error:
            failures.insert(
                Failure(merchantReference: entry.merchantReference ?? "", kind: entry.kind))
        case .declined, .refused, .cancelled:
            break
        }
    }

    private mutating func change(_ entry: JournalEntry, _ body: (inout Authorization) -> Void) {
        guard let name = entry.evidence.authorization, var source = authorizations[name] else { return }
        body(&source)
        authorizations[name] = source
    }

    /// Derived from the key: the same after a crash that lost an unanswered line, and different from
    /// every reference of an earlier journal.
    private static func reference(_ instruction: Instruction, _ outcome: Outcome) -> String? {
        let prefix: String
        switch outcome {
        case .approved: prefix = "auth"
        case .captured: prefix = "cap"
        case .voided: prefix = "void"
        case .refunded: prefix = "ref"
        case .declined, .refused, .cancelled, .error: return nil
        }
        let hash = SHA256.hex(Array("reference:\(instruction.key)".utf8))
        return prefix + "_" + String(hash.prefix(24))
    }
}
