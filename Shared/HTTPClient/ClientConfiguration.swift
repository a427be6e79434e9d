package import HTTP

/// The limits of a client. Each origin has its own connections.
package struct ClientConfiguration: Sendable {
    /// For one connection attempt (TO-1).
    package var connectTimeout: Duration = .seconds(1)
    /// From `send` to the response's head when the caller gives no deadline.
    package var requestTimeout: Duration = .seconds(5)
    /// An unused connection is closed after this; shorter than the servers' own 60 s, so that the
    /// client is the one that closes (TO-1, U5).
    package var idleTimeout: Duration = .seconds(30)
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
