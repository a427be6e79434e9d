import Testing

@testable import Crypto

/// A client and a server that hand each other bytes, without a socket.
final class TLSPair {
    let client: TLSSession
    let server: TLSSession
    private(set) var toServer: [UInt8] = []
    private(set) var toClient: [UInt8] = []
    /// Plain bytes that have come out on each side.
    private(set) var atServer: [UInt8] = []
    private(set) var atClient: [UInt8] = []
    /// How many bytes are handed over at a time.
    let step: Int

    init(_ client: TLSSession, _ server: TLSSession, step: Int = .max) {
        self.client = client
        self.server = server
        self.step = step
    }

    convenience init(
        _ client: TLSContext, _ server: TLSContext, host: String = "localhost", port: Int = 443,
        step: Int = .max
    ) throws {
        self.init(
            try TLSSession(client: client, host: host, port: port), try TLSSession(server: server),
            step: step)
    }

    /// Both sides talk until nobody has anything to say.
    func shake() throws {
        try client.begin(wire: &toServer)
        try exchange()
    }

    /// A handshake and an answer, with which the server's ticket leaves.
    func converse() throws {
        try shake()
        try sayFromServer([42])
        try exchange()
    }

    func exchange() throws {
        while !toServer.isEmpty || !toClient.isEmpty {
            try pump(&toServer, into: server, &atServer, answers: &toClient)
            try pump(&toClient, into: client, &atClient, answers: &toServer)
        }
    }

    private func pump(
        _ bytes: inout [UInt8], into session: TLSSession, _ plain: inout [UInt8],
        answers: inout [UInt8]
    ) throws {
        var rest = bytes[...]
        bytes = []
        while !rest.isEmpty {
            try session.receive(Array(rest.prefix(step)), plain: &plain, wire: &answers)
            rest = rest.dropFirst(step)
        }
    }

    func sayFromClient(_ bytes: [UInt8]) throws { try client.protect(bytes[...], wire: &toServer) }
    func sayFromServer(_ bytes: [UInt8]) throws { try server.protect(bytes[...], wire: &toClient) }
    func finishClient() { client.finish(wire: &toServer) }

    /// What is on its way to the server, for a test that changes or loses it.
    func onTheWay(_ change: (inout [UInt8]) -> Void) { change(&toServer) }

    /// The handshake's failure on each side.
    func shakeUntilFailure() -> (client: TLSError?, server: TLSError?) {
        var failures: (client: TLSError?, server: TLSError?) = (nil, nil)
        do { try client.begin(wire: &toServer) } catch { failures.client = error as? TLSError }
        while !toServer.isEmpty || !toClient.isEmpty {
            do {
                try pump(&toServer, into: server, &atServer, answers: &toClient)
            } catch {
                if failures.server == nil { failures.server = error as? TLSError }
            }
            do {
                try pump(&toClient, into: client, &atClient, answers: &toServer)
            } catch {
                if failures.client == nil { failures.client = error as? TLSError }
            }
        }
        return failures
    }
}
