import Basics
import Crypto
import Sockets
import Synchronization

/// The client's side of a TLS handshake.
enum ClientTLS {
    /// For clients that were given no context. Reading every authority of the machine takes a while,
    /// so it is done once, by the first request that needs it.
    private static let machine = Mutex<TLSContext?>(nil)

    /// Makes a new connection a protected one. The connection is closed when this throws: `tlsFailed`
    /// with the reason, `connectFailed` when the peer left or was too slow, `cancelled`.
    static func secure(
        _ connection: TCPConnection, to origin: Origin, _ configuration: ClientConfiguration,
        deadline: Deadline
    ) async throws(ClientError) {
        do {
            let filter = try TLSSession(
                client: try configuration.tls ?? machineContext(), host: origin.host,
                port: origin.port)
            try await connection.secure(
                filter, deadline: min(deadline, .after(configuration.handshakeTimeout)))
        } catch {
            await connection.close()
            throw ClientError(
                code(of: error), "TLS with \(origin)", underlying: error, nothingWritten: true)
        }
    }

    /// Nothing of the request has been sent: what is no refusal may be tried again.
    private static func code(of error: any Error) -> ClientError.Code {
        switch (error as? SocketError)?.code {
        case .handshake, nil: .tlsFailed
        case .cancelled: .cancelled
        default: .connectFailed
        }
    }

    private static func machineContext() throws(TLSError) -> TLSContext {
        if let made = machine.withLock({ $0 }) { return made }
        let made = try TLSContext(client: TLSClientOptions())
        return machine.withLock { known in
            let first = known ?? made
            known = first
            return first
        }
    }
}
