import Basics
import Crypto
import HTTP
import Sockets
import TLSFixture
import Testing

/// A sample of the cases over TLS: a refusal must reach the client there as well, with an orderly end of
/// the session behind it, so that the client can tell it from a cut.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct TLSCaseTests {
    private struct World {
        let server: ServerTLS
        let client: TLSContext
        /// Keeps the files there.
        let authority: TestAuthority

        init() throws {
            authority = try TestAuthority()
            let files = try authority.issue()
            server = try ServerTLS(
                TLSServerOptions(identity: TLSIdentity(chainPath: files.chain, keyPath: files.key)))
            client = try TLSContext(client: TLSClientOptions(authoritiesPath: authority.rootPath))
        }
    }

    private static let world = Result { try World() }

    @Test(arguments: Case.all.enumerated().filter { $0.offset % 4 == 1 }.map(\.element))
    func `a case over TLS has the same statuses and an orderly end`(_ item: Case) async throws {
        let world = try Self.world.get()
        try await withServer(tls: world.server) { running in
            let kept = item.after == .kept
            let follower = kept
                ? get("Connection: close\r\n", target: "/next") : get(target: "/poison")
            let wire = try await running.connect()
            try await wire.connection.secure(
                try TLSSession(client: world.client, host: "127.0.0.1", port: running.port),
                deadline: .after(Wire.patience))
            try await wire.send(item.bytes + latin1(follower))
            let said = try await wire.rest(isHead: item.isHead)
            await wire.close()
            #expect(said.statuses == item.statuses + (kept ? [200] : []))
            #expect(said.surplus.isEmpty && !said.isReset)
            #expect(!running.handled.all.contains("GET /poison"))
        }
    }
}
