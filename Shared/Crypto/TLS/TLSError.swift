import COpenSSL

/// Why TLS could not be set up, or why a connection has no TLS.
///
/// Callers branch on `code`; the message is one line for people, and names files, never keys.
package struct TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What callers branch on; the word itself is for logs and metrics.
    package enum Code: String, Sendable, Hashable {
        // Files of ours.
        case fileMissing, fileUnreadable
        /// No PEM block of the kind that is needed.
        case notPEM
        /// A PEM block that cannot be decoded.
        case malformed
        /// A private key behind a pass phrase, which nobody is there to type.
        case keyEncrypted
        case keyMismatch
        /// A certificate of ours that no peer would accept any more, or yet.
        case expired, notYetValid
        /// The certificates of a file are not in the order leaf, issuer, issuer's issuer.
        case chainBroken

        // The peer's certificate.
        case peerExpired, peerNotYetValid
        /// No known authority vouches for it, or it is revoked, malformed, or missing.
        case peerNotTrusted
        /// It is valid for another host.
        case hostMismatch

        // The connection.
        /// The peer refused us; the message has its alert.
        case peerRefused
        /// What came is no TLS.
        case notTLS
        /// No agreement about version, cipher, or protocol, or a malformed handshake.
        case handshake
        /// After the handshake: a record that was changed on its way, or breaks the protocol.
        case record
        /// The library has no memory, or was asked in the wrong order.
        case library
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    /// The newest entry of this thread's error queue as text; empties the queue.
    static func lastReason() -> String {
        let number = ERR_peek_last_error()
        ERR_clear_error()
        guard let text = unsafe ERR_reason_error_string(number) else { return "no reason given" }
        return unsafe String(cString: text)
    }
}
