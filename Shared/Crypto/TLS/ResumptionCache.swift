import COpenSSL
import Synchronization

/// Sessions that a client may resume, by server: a handshake without certificates, and for TLS 1.3
/// with a ticket that is used once (RFC 8446 §C.4).
///
/// Belongs to one context, so that a session is never resumed under other rules than those under
/// which the server's certificate was checked.
final class ResumptionCache: Sendable {
    /// Servers remembered; beyond, the one that came first is forgotten.
    static let hostsMax = 256
    /// Tickets kept of one server: as many new connections can be resumed at once.
    static let perHostMax = 4

    private struct State {
        var sessions: [String: [ResumableSession]] = [:]
        /// The hosts, the oldest first.
        var order: [String] = []
    }

    private let state = Mutex(State())

    /// Sessions in the cache.
    var count: Int { state.withLock { $0.sessions.values.reduce(0) { $0 + $1.count } } }

    func add(_ session: ResumableSession, for host: String) {
        state.withLock { state in
            if state.sessions[host] == nil {
                state.order.append(host)
                if state.order.count > Self.hostsMax {
                    state.sessions[state.order.removeFirst()] = nil
                }
            }
            var list = state.sessions[host] ?? []
            if list.count == Self.perHostMax { list.removeFirst() }
            list.append(session)
            state.sessions[host] = list
        }
    }

    /// The newest session. It is taken out when it may be used once only.
    func take(for host: String) -> ResumableSession? {
        state.withLock { state in
            guard let newest = state.sessions[host]?.last else { return nil }
            if newest.isSingleUse { state.sessions[host]?.removeLast() }
            return newest
        }
    }
}

/// The owner of one reference to an OpenSSL session.
///
/// Reason: the session is complete when OpenSSL reports it, and its count of references is atomic.
@safe
final class ResumableSession: @unchecked Sendable {
    let handle: OpaquePointer
    let isSingleUse: Bool

    init(owning handle: OpaquePointer) {
        unsafe self.handle = handle
        isSingleUse = unsafe SSL_SESSION_get_protocol_version(handle) >= TLS1_3_VERSION
    }

    deinit { unsafe SSL_SESSION_free(handle) }
}
