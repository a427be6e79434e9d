import COpenSSL

/// What OpenSSL's error queue means, in words of ours.
enum TLSFailure {
    /// Alerts of the peer: reason codes are this plus the alert's number (RFC 8446 §6).
    private static let alertBase = SSL_AD_REASON_OFFSET

    /// The failure that has just happened on `ssl`, on this thread.
    @unsafe
    static func of(_ ssl: OpaquePointer, _ role: TLSRole, isEstablished: Bool) -> TLSError {
        let number = ERR_peek_error()
        let isOurs = ERR_GET_LIB(number) == ERR_LIB_SSL
        let reason = isOurs ? ERR_GET_REASON(number) : 0
        let text = unsafe ERR_reason_error_string(number).map { unsafe String(cString: $0) }
        ERR_clear_error()
        let peer = role.peerName
        if reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
            return untrusted(peer, unsafe SSL_get_verify_result(ssl))
        }
        if reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE {
            return TLSError(.peerNotTrusted, "\(peer) shows no certificate, and one is required")
        }
        let detail = text ?? "no reason given"
        if reason > alertBase, reason < alertBase + 256 {
            return TLSError(.peerRefused, "\(peer) refuses the connection: \(detail)")
        }
        if isEstablished {
            return TLSError(.record, "what \(peer) sends breaks the protection: \(detail)")
        }
        return TLSError(.handshake, "no agreement with \(peer): \(detail)")
    }

    private static func untrusted(_ peer: String, _ result: Int) -> TLSError {
        let text = unsafe X509_verify_cert_error_string(result).map { unsafe String(cString: $0) }
        let code: TLSError.Code =
            switch CInt(truncatingIfNeeded: result) {
            case X509_V_ERR_CERT_HAS_EXPIRED: .peerExpired
            case X509_V_ERR_CERT_NOT_YET_VALID: .peerNotYetValid
            case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .hostMismatch
            default: .peerNotTrusted
            }
        return TLSError(
            code, "the certificate of \(peer) is refused: \(text ?? "error \(result)")")
    }
}
