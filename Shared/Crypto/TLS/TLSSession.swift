import Basics
import COpenSSL
import Glibc

/// What the two sides of a connection have agreed on.
package struct TLSAgreement: Sendable, Equatable {
    package let version: TLSVersion
    /// The handshake went on from an earlier connection.
    package let isResumed: Bool
    /// The name in the peer's certificate, in the form of RFC 4514; nil when it showed none.
    package let peerSubject: String?
}

/// One TLS connection: bytes in, bytes out, no socket. Used on one thread at a time.
@safe
package final class TLSSession: TransportFilter {
    /// Called once, on the session's thread, when the handshake has ended in one way or the other. A
    /// session belongs to its connection alone, so this is how others learn of it.
    package typealias Report = @Sendable (Result<TLSAgreement, TLSError>) -> Void

    private enum State {
        /// Goes to `established` or `failed`.
        case handshake
        /// Goes to `failed`.
        case established
        case failed(TLSError)
    }

    /// Plain bytes of one record at most (RFC 8446 §5.1).
    private static let recordMax = 16 * 1_024
    /// What one record adds, at most: header, inner type, tag, and the explicit nonce of TLS 1.2.
    private static let recordOverhead = 32

    private let ssl: OpaquePointer
    private let buffer: WireBuffer
    private let role: TLSRole
    private let context: TLSContext
    private let report: Report?
    private var state = State.handshake
    private var hasBegun = false
    private var hasFinished = false
    private(set) package var peerHasFinished = false

    /// The server's side of a new connection. The answer to plain text is sent to a peer whose first
    /// byte is a letter: it speaks another protocol, most likely HTTP without TLS.
    package convenience init(
        server context: TLSContext, answerToPlainText: @escaping @Sendable () -> [UInt8] = { [] },
        report: Report? = nil
    ) throws(TLSError) {
        try self.init(context, .server(answerToPlainText: answerToPlainText), report)
        unsafe SSL_set_accept_state(ssl)
    }

    /// The client's side of a new connection. The server has to prove that it is `host`, a name or an
    /// address; a session with the same host and port is resumed when there is one.
    package convenience init(
        client context: TLSContext, host: String, port: Int, report: Report? = nil
    ) throws(TLSError) {
        let target = TLSTarget(host: host, port: port)
        try self.init(context, .client(target), report)
        unsafe SSL_set_connect_state(ssl)
        try unsafe target.demand(of: ssl)
        if let session = context.resumptions?.take(for: target.key) {
            // OpenSSL takes a reference of its own. A session it cannot use is no error.
            _ = unsafe SSL_set_session(ssl, session.handle)
            ERR_clear_error()
        }
    }

    private init(_ context: TLSContext, _ role: TLSRole, _ report: Report?) throws(TLSError) {
        let buffer = WireBuffer()
        ERR_clear_error()
        guard let ssl = unsafe SSL_new(context.handle) else {
            throw TLSError(.library, "OpenSSL has no memory for a connection")
        }
        unsafe self.ssl = ssl
        self.buffer = buffer
        self.context = context
        self.role = role
        self.report = report
        guard let bio = unsafe buffer.makeBIO() else {
            throw TLSError(.library, "OpenSSL has no memory for a connection")
        }
        // One reference for both directions; `ssl` owns it from here on, and `buffer` outlives `ssl`.
        unsafe SSL_set_bio(ssl, bio, bio)
        unsafe copenssl_set_owner(ssl, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        // OpenSSL takes a session whose connection was cut for a bad one, and would not resume it. What
        // was cut is the transport; TLS itself has seen nothing wrong.
        if case .established = state { unsafe copenssl_forget_shutdown(ssl) }
        unsafe copenssl_set_owner(ssl, nil)
        unsafe SSL_free(ssl)
    }

    /// See `TransportFilter`.
    package var isEstablished: Bool {
        if case .established = state { true } else { false }
    }

    // MARK: What was agreed

    private var agreement: TLSAgreement {
        let number = unsafe Int(SSL_version(ssl))
        return TLSAgreement(
            version: TLSVersion(rawValue: number) ?? .tls13, isResumed: isResumed,
            peerSubject: peerSubject)
    }

    /// For logs: `TLSv1.3`.
    package var version: String { unsafe String(cString: SSL_get_version(ssl)) }
    /// For logs: `TLS_AES_256_GCM_SHA384`.
    package var cipher: String {
        unsafe String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)))
    }
    /// As in `TLSAgreement`.
    package var isResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }
    /// As in `TLSAgreement`.
    package var peerSubject: String? {
        guard let found = unsafe SSL_get0_peer_certificate(ssl),
            unsafe X509_up_ref(found) == 1
        else { return nil }
        return unsafe Certificate(owning: found).subject
    }
    /// What ALPN agreed on; nil when the peer knows nothing of it.
    package var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var length: CUnsignedInt = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &length)
        guard let name = unsafe name, length > 0 else { return nil }
        let bytes = unsafe UnsafeBufferPointer(start: name, count: Int(length))
        return unsafe String(decoding: bytes, as: UTF8.self)
    }

    // MARK: Bytes

    /// A client's hello.
    package func begin(wire: inout [UInt8]) throws {
        guard case .client = role else { return }
        try exchange(&wire) { () throws(TLSError) in try handshake() }
    }

    /// Throws `TLSError`; `wire` then has the alert for the peer. Bytes behind the peer's end are dropped.
    package func receive(_ bytes: [UInt8], plain: inout [UInt8], wire: inout [UInt8]) throws {
        guard let first = bytes.first, !peerHasFinished else { return }
        try exchange(&wire) { () throws(TLSError) in
            if !hasBegun {
                hasBegun = true
                try role.check(firstByte: first, answer: &buffer.outgoing)
            }
            try buffer.withInput(bytes) { () throws(TLSError) in
                if !isEstablished { try handshake() }
                if isEstablished { try read(&plain) }
            }
        }
    }

    /// Throws `TLSError` before the handshake is over, and after `finish`.
    package func protect(_ bytes: ArraySlice<UInt8>, wire: inout [UInt8]) throws {
        guard !bytes.isEmpty else { return }
        let records = (bytes.count + Self.recordMax - 1) / Self.recordMax
        wire.reserveCapacity(wire.count + bytes.count + records * Self.recordOverhead)
        try exchange(&wire) { () throws(TLSError) in
            guard isEstablished, !hasFinished else {
                throw TLSError(.library, "bytes before the handshake or after the end")
            }
            ERR_clear_error()
            var written = 0
            // OpenSSL cuts the bytes into records, and our end of it takes all of them.
            let result = unsafe bytes.withUnsafeBytes { plain in
                unsafe SSL_write_ex(ssl, plain.baseAddress, plain.count, &written)
            }
            guard result == 1, written == bytes.count else { throw failure() }
        }
    }

    /// Appends close_notify once; nothing for a session that has failed.
    package func finish(wire: inout [UInt8]) {
        guard isEstablished, !hasFinished else { return }
        hasFinished = true
        // Ignored: the end of a stream that has failed cannot be told to anybody.
        try? exchange(&wire) { () throws(TLSError) in
            ERR_clear_error()
            _ = unsafe SSL_shutdown(ssl)
            ERR_clear_error()
        }
    }

    /// Runs `body` with OpenSSL's output going to `wire`. What it throws ends the session.
    private func exchange(_ wire: inout [UInt8], _ body: () throws(TLSError) -> Void)
        throws(TLSError)
    {
        if case .failed(let error) = state { throw error }
        // The caller's array itself, so that what OpenSSL writes is copied once.
        swap(&wire, &buffer.outgoing)
        defer { swap(&wire, &buffer.outgoing) }
        do throws(TLSError) {
            try body()
        } catch {
            if case .handshake = state { report?(.failure(error)) }
            state = .failed(error)
            throw error
        }
    }

    private func handshake() throws(TLSError) {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(ssl)
        if result == 1 {
            state = .established
            // TLS 1.3 only: the ticket is made by the next write, and shares its segment. TLS 1.2 has
            // sent one with the handshake, and refuses this.
            if case .server = role, unsafe SSL_new_session_ticket(ssl) == 0 { ERR_clear_error() }
            report?(.success(agreement))
        } else if unsafe SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ {
            throw failure()
        }
    }

    /// Every record that is complete.
    private func read(_ plain: inout [UInt8]) throws(TLSError) {
        // Asking in vain would make OpenSSL allocate a buffer, and free it again.
        while unsafe buffer.hasInput || SSL_has_pending(ssl) == 1 {
            ERR_clear_error()
            let result = unsafe withUnsafeTemporaryAllocation(
                byteCount: Self.recordMax, alignment: 1
            ) { target in
                var count = 0
                // At most the size of `target` is written, and only what is counted is taken.
                let result = unsafe SSL_read_ex(ssl, target.baseAddress, target.count, &count)
                if result == 1 { unsafe plain.append(contentsOf: target.prefix(count)) }
                return result
            }
            if result == 1 { continue }
            switch unsafe SSL_get_error(ssl, result) {
            case SSL_ERROR_WANT_READ: return
            case SSL_ERROR_ZERO_RETURN:
                // What comes behind the end is nothing of the peer's.
                peerHasFinished = true
                return
            default: throw failure()
            }
        }
    }

    private func failure() -> TLSError {
        unsafe TLSFailure.of(ssl, role, isEstablished: isEstablished)
    }

    /// Called by OpenSSL, within `receive`.
    func keep(_ session: ResumableSession) {
        guard case .client(let target) = role else { return }
        context.resumptions?.add(session, for: target.key)
    }
}
