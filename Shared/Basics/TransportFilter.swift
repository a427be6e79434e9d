/// What stands between a socket's bytes and their reader: TLS.
///
/// A filter does no I/O. Its owner, the connection, hands it what the socket delivered and sends
/// what it is given; so the protocol can be tested without a socket and without a clock. Used on one
/// thread at a time, that of the connection's loop. After a method has thrown, the filter is spent:
/// the bytes in `wire` are sent, and the connection ends.
package protocol TransportFilter: AnyObject {
    /// Appends the first bytes to send: a client's hello, nothing for a server.
    func begin(wire: inout [UInt8]) throws

    /// Takes bytes of the peer. Appends plain bytes to `plain`, and to `wire` what must be sent now
    /// (handshake, alerts), also when it throws.
    func receive(_ bytes: [UInt8], plain: inout [UInt8], wire: inout [UInt8]) throws

    /// Appends the protected form of plain bytes to `wire`. Only after `isEstablished`. A slice, so that
    /// a large body is protected piece by piece without being copied first.
    func protect(_ bytes: ArraySlice<UInt8>, wire: inout [UInt8]) throws

    /// Appends the orderly end of the sending side (TLS: close_notify).
    func finish(wire: inout [UInt8])

    /// The handshake is over: plain bytes may be sent.
    var isEstablished: Bool { get }

    /// The peer has ended its side in an orderly way. An end of the socket without it is a cut, which
    /// an attacker may have made (RFC 8446 §6.1).
    var peerHasFinished: Bool { get }
}
