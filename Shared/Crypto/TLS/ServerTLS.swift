import Synchronization

/// A server's TLS context, which can be replaced while it serves: connections keep the one they began
/// with, new handshakes use the newest.
package final class ServerTLS: Sendable {
    /// The same for the life of the process; what the files hold may change.
    package let options: TLSServerOptions
    private let context: Mutex<TLSContext>

    /// Reads the files; throws `TLSError` with what is wrong with which of them.
    package init(_ options: TLSServerOptions) throws(TLSError) {
        self.options = options
        context = Mutex(try TLSContext(server: options))
    }

    /// For tests that need a server whom no client may believe.
    init(_ options: TLSServerOptions, first: TLSContext) {
        self.options = options
        context = Mutex(first)
    }

    /// What the next handshake uses.
    package var current: TLSContext { context.withLock { $0 } }

    /// Reads the files again. When they cannot be used, throws and leaves everything as it was.
    ///
    /// New keys for tickets come with it: a client's first connection afterwards is a full handshake.
    @discardableResult
    package func reload() throws(TLSError) -> TLSContext {
        let next = try TLSContext(server: options)
        context.withLock { $0 = next }
        return next
    }
}
