import COpenSSL
import Glibc

/// Which side of a connection a session is.
enum TLSRole {
    case server(answerToPlainText: @Sendable () -> [UInt8])
    case client(TLSTarget)

    /// For messages.
    var peerName: String {
        switch self {
        case .server: "the client"
        case .client(let target): target.key
        }
    }

    private static let handshakeRecord: UInt8 = 22
    private static let alertRecord: UInt8 = 21

    /// Tells a peer that speaks no TLS at all apart from one that makes a mistake in it.
    func check(firstByte: UInt8, answer: inout [UInt8]) throws(TLSError) {
        switch self {
        case .server(let plainAnswer):
            guard firstByte != Self.handshakeRecord else { return }
            // The lower case of a letter has one bit more.
            let isLetter = UInt8(ascii: "a")...UInt8(ascii: "z") ~= firstByte | 0x20
            if isLetter { answer += plainAnswer() }
            throw TLSError(
                .notTLS, isLetter ? "the client speaks without TLS" : "the client's bytes are no TLS")
        case .client(let target):
            guard firstByte != Self.handshakeRecord, firstByte != Self.alertRecord else { return }
            throw TLSError(.notTLS, "\(target.key) answers without TLS; is it an http port?")
        }
    }
}

/// Whom a client wants to reach, and therefore whose certificate it wants to see.
struct TLSTarget {
    /// Without the dot that ends a complete name: certificates and SNI have none (RFC 6066 §3).
    let host: String
    let isAddress: Bool
    /// Host and port: one server, as far as resumption goes.
    let key: String

    init(host: String, port: Int) {
        self.host = host.hasSuffix(".") ? String(host.dropLast()) : host
        var space = in6_addr()
        isAddress = unsafe inet_pton(AF_INET, host, &space) == 1 || inet_pton(AF_INET6, host, &space) == 1
        key = host.contains(":") ? "[\(host)]:\(port)" : "\(self.host):\(port)"
    }

    /// Makes a certificate for another host an error of the handshake, and sends the name (SNI; names
    /// only, RFC 6066 §3).
    @unsafe
    func demand(of ssl: OpaquePointer) throws(TLSError) {
        // The parameters belong to `ssl`; texts are copied.
        let parameters = unsafe SSL_get0_param(ssl)
        // A wildcard stands for a whole label, and the subject's common name for nothing (RFC 9525).
        unsafe X509_VERIFY_PARAM_set_hostflags(
            parameters,
            CUnsignedInt(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        let isSet =
            if isAddress {
                unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1
            } else {
                unsafe !host.isEmpty && X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1
                    && copenssl_set_server_name(ssl, host) == 1
            }
        guard isSet else {
            throw TLSError(.library, "\(key) is no host: \(TLSError.lastReason())")
        }
    }
}
