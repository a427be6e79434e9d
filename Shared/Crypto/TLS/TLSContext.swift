package import Basics
import COpenSSL

/// What all TLS connections of one server, or of one client, have in common: certificate, key, trust,
/// and the keys of resumption tickets. Never changed after it was made; see `ServerTLS` for a new one.
///
/// Reason: SSL_CTX counts its references atomically and guards its state with a lock of its own.
@safe
package final class TLSContext: @unchecked Sendable {
    /// What an operator should know: a certificate that ends soon, a chain that may be incomplete.
    package let warnings: [String]
    /// When the chain that is shown to peers ends; nil without one.
    package let end: WallTime?
    private let owner: ContextOwner
    var handle: OpaquePointer { unsafe owner.handle }
    /// Nil for a server.
    let resumptions: ResumptionCache?

    /// How long a ticket may be resumed. Then client certificates are looked at again.
    static let ticketLifetime = Duration.seconds(3_600)
    /// Forward secrecy and authenticated encryption only (RFC 9325 §4.2); TLS 1.3 has nothing else.
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
    /// In the order of preference. Each is as strong as the ciphers, and quick.
    private static let groups = "X25519:P-256:P-384"
    /// The one protocol spoken here, as ALPN writes it: length, then name (RFC 7301 §3.1).
    static let protocols: [UInt8] = [8] + Array("http/1.1".utf8)

    /// For a server. Reads the files; throws `TLSError` with what is wrong with which of them.
    package convenience init(server options: TLSServerOptions) throws(TLSError) {
        try self.init(server: options, checksValidity: true)
    }

    /// Tests also need servers that a client must refuse.
    init(server options: TLSServerOptions, checksValidity: Bool) throws(TLSError) {
        owner = try unsafe Self.make(TLS_server_method(), options.versions)
        let handle = unsafe owner.handle
        resumptions = nil
        let chain = try unsafe Self.use(options.identity, handle, checksValidity: checksValidity)
        (warnings, end) = (chain.warnings, chain.end)
        unsafe copenssl_cache_nothing(handle)
        // None with the handshake: `TLSSession` lets one leave with the first bytes of the answer.
        unsafe SSL_CTX_set_num_tickets(handle, 0)
        unsafe SSL_CTX_set_timeout(handle, Int(Self.ticketLifetime.components.seconds))
        unsafe SSL_CTX_set_alpn_select_cb(handle, chooseProtocol, nil)
        try unsafe Self.demand(options.clientCertificates, handle)
    }

    /// For a client. Reads the files; throws `TLSError` with what is wrong with which of them.
    package init(client options: TLSClientOptions = TLSClientOptions()) throws(TLSError) {
        owner = try unsafe Self.make(TLS_client_method(), options.versions)
        let handle = unsafe owner.handle
        resumptions = ResumptionCache()
        let chain = try options.identity.map { identity throws(TLSError) in
            try unsafe Self.use(identity, handle, checksValidity: true)
        }
        (warnings, end) = (chain?.warnings ?? [], chain?.end)
        if let path = options.authoritiesPath {
            for authority in try PEMFile(path, "the authorities").certificates() {
                try unsafe Self.trust(authority, handle)
            }
        } else {
            guard unsafe SSL_CTX_set_default_verify_paths(handle) == 1 else {
                throw TLSError(.library, "this machine's authorities: \(TLSError.lastReason())")
            }
        }
        unsafe SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nil)
        guard
            unsafe SSL_CTX_set_alpn_protos(
                handle, Self.protocols, CUnsignedInt(Self.protocols.count)) == 0
        else { throw TLSError(.library, "the protocol's name: \(TLSError.lastReason())") }
        unsafe copenssl_report_sessions(handle)
        unsafe SSL_CTX_sess_set_new_cb(handle, keepSession)
    }

    // MARK: Parts

    @unsafe
    private static func make(_ method: OpaquePointer?, _ versions: ClosedRange<TLSVersion>)
        throws(TLSError) -> ContextOwner
    {
        ERR_clear_error()
        guard let handle = unsafe SSL_CTX_new(method) else {
            throw TLSError(.library, "OpenSSL has no context: \(TLSError.lastReason())")
        }
        let owner = unsafe ContextOwner(owning: handle)
        unsafe copenssl_set_modes(handle)
        unsafe copenssl_set_options(handle)
        guard
            unsafe copenssl_set_versions(
                handle, CInt(versions.lowerBound.rawValue), CInt(versions.upperBound.rawValue))
                == 1,
            unsafe SSL_CTX_set_cipher_list(handle, ciphers) == 1,
            unsafe copenssl_set_groups(handle, groups) == 1
        else { throw TLSError(.library, "OpenSSL lacks a cipher: \(TLSError.lastReason())") }
        return owner
    }

    /// Certificate, chain and key; returns the chain.
    @unsafe
    private static func use(
        _ identity: TLSIdentity, _ handle: OpaquePointer, checksValidity: Bool
    ) throws(TLSError) -> CertificateChain {
        let chain = try CertificateChain(identity.chainPath, checksValidity: checksValidity)
        let key = try PEMFile(identity.keyPath, "the private key").privateKey()
        guard let leaf = chain.certificates.first, key.belongs(to: leaf) else {
            throw TLSError(
                .keyMismatch,
                "the private key in \(identity.keyPath) does not belong to the first certificate of "
                    + identity.chainPath)
        }
        // The context takes references of its own.
        guard unsafe SSL_CTX_use_certificate(handle, leaf.handle) == 1,
            unsafe SSL_CTX_use_PrivateKey(handle, key.handle) == 1
        else {
            throw TLSError(
                .malformed,
                "\(identity.chainPath) and \(identity.keyPath) cannot be used: \(TLSError.lastReason())"
            )
        }
        // A root in the file is known to whoever trusts it; sending it is a waste.
        for certificate in chain.certificates.dropFirst() where !certificate.isSelfSigned {
            guard unsafe copenssl_add_chain(handle, certificate.handle) == 1 else {
                throw TLSError(
                    .malformed, "\(certificate.subject) cannot be sent: \(TLSError.lastReason())")
            }
        }
        return chain
    }

    @unsafe
    private static func trust(_ authority: Certificate, _ handle: OpaquePointer) throws(TLSError) {
        guard unsafe X509_STORE_add_cert(SSL_CTX_get_cert_store(handle), authority.handle) == 1
        else {
            throw TLSError(
                .malformed, "\(authority.subject) cannot be trusted: \(TLSError.lastReason())")
        }
    }

    @unsafe
    private static func demand(
        _ demand: TLSServerOptions.ClientCertificates, _ handle: OpaquePointer
    ) throws(TLSError) {
        let (mode, path): (CInt, String)
        switch demand {
        case .none: return
        case .optional(let authorities): (mode, path) = (SSL_VERIFY_PEER, authorities)
        case .required(let authorities):
            (mode, path) = (SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, authorities)
        }
        let file = try PEMFile(path, "the clients' authorities")
        for authority in try file.certificates() {
            try unsafe trust(authority, handle)
            // Named to clients, so that one with several certificates can choose.
            guard unsafe SSL_CTX_add_client_CA(handle, authority.handle) == 1 else {
                throw TLSError(
                    .malformed, "\(authority.subject) cannot be named: \(TLSError.lastReason())")
            }
        }
        unsafe SSL_CTX_set_verify(handle, mode, nil)
        // A resumed session is not checked again: it must not be one that was begun under other rules.
        let rules = SHA256.digest([UInt8(mode)] + file.bytes)
        guard
            unsafe SSL_CTX_set_session_id_context(handle, rules, CUnsignedInt(rules.count)) == 1
        else { throw TLSError(.library, "the tickets' context: \(TLSError.lastReason())") }
    }
}

/// The owner of OpenSSL's context: it is freed also when the rest of it could not be set up.
@safe
private final class ContextOwner {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe SSL_CTX_free(handle) }
}

/// Called by OpenSSL with what the client can speak: our protocol, or no connection (RFC 7301 §3.2).
private let chooseProtocol: SSL_CTX_alpn_select_cb_func = { _, chosen, length, offered, count, _ in
    let ours = TLSContext.protocols
    // The answer may point into our list or the client's. OpenSSL copies it at once, but after this
    // function has returned, so it is looked up in the client's list, which lives long enough.
    guard let offered = unsafe offered else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let list = unsafe UnsafeBufferPointer(start: offered, count: Int(count))
    var place = 0
    while place < list.count {
        let end = unsafe place + 1 + Int(list[place])
        guard end <= list.count else { break }
        if unsafe list[place..<end].elementsEqual(ours) {
            unsafe chosen?.pointee = offered + place + 1
            unsafe length?.pointee = list[place]
            return SSL_TLSEXT_ERR_OK
        }
        place = end
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Called by OpenSSL with a session that may be resumed; 1 says that we keep the reference.
private let keepSession: @convention(c) (OpaquePointer?, OpaquePointer?) -> CInt = { ssl, session in
    guard let ssl = unsafe ssl, let session = unsafe session,
        let owner = unsafe copenssl_owner(ssl)
    else { return 0 }
    // The owner frees `ssl` before it goes itself.
    unsafe Unmanaged<TLSSession>.fromOpaque(owner).takeUnretainedValue()
        .keep(ResumableSession(owning: session))
    return 1
}
