package import Crypto
package import HTTP
package import Sockets

/// The limits of a client. Each origin has its own connections.
package struct ClientConfiguration: Sendable {
    /// For one connection attempt (TO-1).
    package var connectTimeout: Duration = .seconds(1)
    /// For the TLS handshake of one connection, after it was made.
    package var handshakeTimeout: Duration = .seconds(2)
    /// Whom `https` requests trust and what they show; nil for the authorities of this machine and no
    /// certificate.
    package var tls: TLSContext?
    /// How the addresses of one name are tried (RFC 8305), and where names are looked up.
    package var connect = ConnectSettings()
    /// How often a connection is tried before the request fails. Behind one name there may be several
    /// servers, and whoever picks one for us learns late that it has gone (RT-2). Nothing has been
    /// sent, so this is safe for every method.
    package var connectAttempts = 3
    /// No further attempt begins after this long: an address that does not answer at all is tried
    /// twice, one that refuses three times.
    package var connectRetryWindow: Duration = .milliseconds(1_500)
    /// From `send` to the response's head when the caller gives no deadline.
    package var requestTimeout: Duration = .seconds(5)
    /// The same for a request with an upload, which takes as long as its sequence and its peer. It also
    /// has to make progress within the connection's write stall.
    package var uploadTimeout: Duration = .seconds(600)
    /// An unused connection is closed after this; shorter than the servers' own 60 s, so that the
    /// client is the one that closes (TO-1, U5).
    package var idleTimeout: Duration = .seconds(30)
    /// A server that names its own time (`Keep-Alive: timeout=5`) is left this much earlier, since the
    /// request has to arrive before the server closes. Of a time below twice this, half is used.
    package var keepAliveMargin: Duration = .seconds(1)
    /// Unused connections kept for one origin; the one unused for longest goes first.
    package var maxIdlePerOrigin = 128
    /// Between two pieces of a body; longer than the heartbeat of event streams.
    package var bodyIdleTimeout: Duration = .seconds(60)
    /// Waiting for a free connection; then `poolExhausted` (TO-1).
    package var poolWait: Duration = .milliseconds(250)
    /// Connections in use at once; further requests wait.
    package var maxConnectionsPerOrigin = 128
    /// Requests that may wait; one more is refused at once.
    package var maxPending = 512
    /// Origins that this client may talk to.
    package var maxOrigins = 64
    /// Limits of response heads and framing.
    package var limits = HTTPLimits.standard

    package init() {}
}
