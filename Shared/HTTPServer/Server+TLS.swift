import Basics
import Crypto
import HTTP
import Sockets
import Telemetry

extension Server {
    /// Waits for a place among the handshakes under way; at once without TLS.
    func acquireHandshake() async throws {
        if configuration.tls != nil { try await handshakes.acquire() }
    }

    func releaseHandshake() {
        if configuration.tls != nil { handshakes.release() }
    }

    /// The handshake of a new connection; true at once without TLS. A connection without agreement is
    /// closed. What it began with stays its own: a reload is for connections to come.
    func secured(_ connection: TCPConnection) async -> Bool {
        guard let tls = configuration.tls else { return true }
        defer { releaseHandshake() }
        do {
            let instruments = instruments
            let filter = try TLSSession(
                server: tls.current,
                // The filter is only used on the loop.
                answerToPlainText: { [weak self] in
                    self?.assumeIsolated { $0.answerToPlainText() } ?? []
                },
                report: { instruments.shook($0) })
            try await connection.secure(
                filter, deadline: .after(configuration.limits.handshakeTimeout))
            return true
        } catch {
            let isSlow = (error as? SocketError)?.code == .timeout
            if isSlow { instruments.handshakeTooSlow() }
            logger.debug(
                "no TLS with a client",
                ["peer": .string(connection.peer.host), "cause": .string("\(error)")])
            await connection.close()
            return false
        }
    }

    /// What somebody reads who asks a TLS port without TLS (RFC 9110 §15.5.1).
    private func answerToPlainText() -> [UInt8] {
        let problem = Problem(
            status: 400, code: "tls_required", detail: "This port speaks HTTP over TLS: use https.")
        instruments.refused(problem.code)
        var response = problem.response()
        response.headers["connection"] = "close"
        // Ignored: a fixed answer without a bad character can be written.
        guard
            let head = try? ResponseWriter.head(
                of: response, to: .get, version: .http11, keepsAlive: false, date: state.date()),
            case .bytes(let body) = response.body
        else { return [] }
        return head.bytes + body
    }
}
