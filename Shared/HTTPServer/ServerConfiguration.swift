package import Crypto
package import HTTP

/// Where a server listens and what it allows.
package struct ServerConfiguration: Sendable {
    /// A numeric address.
    package var host: String
    /// 0 lets the kernel choose; `Server.start` returns the port.
    package var port: Int
    /// Names the server in logs and metrics, for example `api` or `operations`.
    package var name: String
    package var limits: ServerLimits
    /// The port speaks TLS, and nothing else; nil for plain HTTP.
    package var tls: ServerTLS?

    package init(
        host: String = "127.0.0.1", port: Int, name: String = "api",
        limits: ServerLimits = ServerLimits(), tls: ServerTLS? = nil
    ) {
        self.host = host
        self.port = port
        self.name = name
        self.limits = limits
        self.tls = tls
    }
}

/// Every bound of a server. Defaults are those of TO-1 where it names one.
package struct ServerLimits: Sendable {
    /// Sizes of lines, header sections and chunk framing.
    package var parsing = HTTPLimits.standard
    /// Open connections; more wait in the kernel's queue until one closes (H90).
    package var connectionsMax = 2_048
    /// Open connections of one address, so that one peer cannot take all of them; more are closed
    /// at once. A service sees one peer, the gateway, which has up to 1,024 streams and 128 calls
    /// open.
    package var connectionsPerPeerMax = 1_280
    /// The last request a connection may carry is answered with `Connection: close` (H89).
    package var requestsPerConnectionMax = 1_000
    /// Requests of one connection answered in a row without letting the others have their turn, when
    /// a client sends many without waiting.
    package var pipelineDepthMax = 64
    /// Bytes of request bodies held for all connections together; beyond it 503 `overloaded`.
    package var bodyBytesMax = 64 * 1_024 * 1_024

    /// From the connection to the end of its TLS handshake; then it is closed.
    package var handshakeTimeout = Duration.seconds(10)
    /// TLS handshakes under way; more connections wait in the kernel's queue. So clients that begin one
    /// and do not go on cannot take every connection.
    package var handshakesMax = 512
    /// From a request's first byte to the end of its header section; then 408 (H84).
    package var headTimeout = Duration.seconds(10)
    /// A body may trickle for this long before its rate is judged (TO-1); then 408 (H66).
    package var bodyGrace = Duration.seconds(5)
    /// The slowest body that is accepted after the grace time.
    package var bodyBytesPerSecondMin = 240
    /// No body may keep the server waiting longer, whatever its rate; a streamed one not at once.
    package var bodyTimeout = Duration.seconds(60)
    /// Between two requests; then the connection is closed without a word (H85).
    package var idleTimeout = Duration.seconds(60)
    /// A connection that is idle for this long gives its memory back until the next request.
    package var parkingDelay = Duration.seconds(1)
    /// A response that makes no progress for this long is cut (H86).
    package var writeStall = Duration.seconds(30)

    /// A client that closed its sending side may still wait for the answer (H88), or be gone: both
    /// look the same. Its handler is cancelled after this long; a reset cancels it at once.
    package var halfCloseGrace = Duration.seconds(1)
    /// After a refusal the rest of the request is read and dropped this long and this much, so that
    /// the client can read the status (H87).
    package var lingerTime = Duration.seconds(2)
    package var lingerBytes = 64 * 1_024

    /// Graceful shutdown: requests under way have this long to finish, streams a shorter time, as
    /// they would never end by themselves and their clients know how to resume.
    package var drain = Duration.seconds(15)
    package var streamDrain = Duration.seconds(2)

    package init() {}
}
