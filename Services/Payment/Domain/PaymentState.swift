import Basics

/// Where an order's money stands: the columns of the participant table. It is derived from the
/// `payments` row alone, so the row's lock is the lock of the state.
///
/// Exits: `none` begins with the first command. `authorizing`, `capturing` and `voiding` leave when
/// their operation is settled. `declined`, `captured` and `voided` are final; `captureFailed` only
/// ever leads to `voiding`.
enum PaymentState: Sendable, Equatable {
    /// No row: nothing was ever heard of this order.
    case none
    /// AUTH_INTENT/UNKNOWN. With `voidWanted`, the hold is given back as soon as it is known.
    case authorizing(Terms, voidWanted: Bool)
    case authorized(Terms, reference: String)
    case declined(Terms, reason: String)
    /// CAPTURE_INTENT/UNKNOWN.
    case capturing(Terms, reference: String, voidWanted: Bool)
    /// Definitive. The hold is still there until a Void.
    case captureFailed(Terms, reference: String, reason: String)
    case captured(Terms, reference: String, capture: String)
    /// A void call is under way; `reason` is kept from a failed capture.
    case voiding(Terms, reference: String, reason: String?)
    /// Closed for good, after a real void or (`terms` nil or `reference` nil) as a tombstone.
    case voided(Terms?, reference: String?, reason: String?)
}

/// What an Authorize says: frozen with the first one, and compared with every later one.
struct Terms: Sendable, Equatable {
    let customer: CustomerID
    let total: Money
}

/// The commands of `payment.commands.v1`.
enum PaymentCommand: Sendable, Equatable {
    case authorize(Terms)
    case capture
    case void
    /// The n-th refund; it is decided here, and its execution belongs to the refund saga.
    case refund(Int)
}

/// A call to the provider. The raw value is `payment_ops.kind`.
enum OperationKind: String, Sendable, Codable {
    case authorize = "AUTH"
    case capture = "CAPTURE"
    case void = "VOID"
    case refund = "REFUND"
}

/// What Order is told. Every reply can be derived again from (command, state).
enum PaymentReply: Sendable, Equatable {
    case authorized(reference: String)
    case authDeclined(reason: String)
    case authPending
    case captured(reference: String)
    case captureFailed(reason: String)
    case voided(VoidOutcome)
}

/// What a Void found. The raw value is that of the contract.
enum VoidOutcome: String, Sendable, Equatable {
    case voided, nothing
    case alreadyCaptured = "already_captured"
}

/// Reasons that are ours, not the provider's.
enum Reason {
    /// A Void came first: its tombstone fences whatever comes later (D3).
    static let closed = "closed"
    /// A Capture found nothing to capture.
    static let notAuthorized = "not_authorized"
}
