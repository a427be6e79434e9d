import TLSFixture
import Testing

@testable import Crypto

@Suite struct TLSSessionTests {
    private let authority: TestAuthority
    private let files: TestAuthority.Files

    init() throws {
        authority = try TestAuthority()
        files = try authority.issue()
    }

    private func server(
        _ files: TestAuthority.Files? = nil,
        clients: TLSServerOptions.ClientCertificates = .none,
        versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
    ) throws -> TLSContext {
        let files = files ?? self.files
        return try TLSContext(
            server: TLSServerOptions(
                identity: TLSIdentity(chainPath: files.chain, keyPath: files.key),
                clientCertificates: clients, versions: versions), checksValidity: false)
    }

    private func client(
        _ identity: TestAuthority.Files? = nil, versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
    ) throws -> TLSContext {
        try TLSContext(
            client: TLSClientOptions(
                authoritiesPath: authority.rootPath,
                identity: identity.map { TLSIdentity(chainPath: $0.chain, keyPath: $0.key) },
                versions: versions))
    }

    private static let message = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    @Test(arguments: TLSVersion.allCases, [1, 7, 1_000, .max])
    func `both sides agree and understand each other, however the bytes are cut`(
        version: TLSVersion, step: Int
    ) throws {
        let pair = try TLSPair(
            try client(versions: version...version), try server(versions: version...version),
            step: step)
        try pair.shake()
        #expect(pair.client.isEstablished && pair.server.isEstablished)
        #expect(pair.client.version == (version == .tls12 ? "TLSv1.2" : "TLSv1.3"))
        #expect(pair.client.applicationProtocol == "http/1.1")
        #expect(pair.server.applicationProtocol == "http/1.1")
        #expect(pair.client.cipher == pair.server.cipher)
        try pair.sayFromClient(Array("GET".utf8))
        try pair.exchange()
        #expect(pair.atServer == Array("GET".utf8))
        try pair.sayFromServer(Self.message)
        try pair.exchange()
        #expect(pair.atClient == Self.message)
    }

    @Test func `an orderly end is told, and the other side may still answer`() throws {
        let pair = try TLSPair(try client(), try server())
        try pair.shake()
        try pair.sayFromClient([1, 2])
        pair.finishClient()
        pair.finishClient()
        try pair.exchange()
        #expect(pair.atServer == [1, 2])
        #expect(pair.server.peerHasFinished)
        #expect(!pair.client.peerHasFinished)
        try pair.sayFromServer([3])
        try pair.exchange()
        #expect(pair.atClient == [3])
        #expect(throws: TLSError.self) { try pair.sayFromClient([4]) }
    }

    @Test func `a changed record ends the session, and for good`() throws {
        let pair = try TLSPair(try client(), try server())
        try pair.shake()
        try pair.sayFromClient(Array("money".utf8))
        pair.onTheWay { $0[$0.count - 1] ^= 1 }
        let error = #expect(throws: TLSError.self) { try pair.exchange() }
        #expect(error?.code == .record)
        #expect(pair.atServer.isEmpty)
        #expect(throws: TLSError.self) { try pair.sayFromServer([1]) }
    }

    @Test func `nothing can be said before the handshake is over`() throws {
        let pair = try TLSPair(try client(), try server())
        let error = #expect(throws: TLSError.self) { try pair.sayFromClient([1]) }
        #expect(error?.code == .library)
    }

    // MARK: Whom the client believes

    @Test(arguments: [
        ("localhost", true), ("LocalHost", true), ("localhost.", true), ("127.0.0.1", true),
        ("::1", true), ("127.0.0.2", false), ("example.com", false), ("sub.localhost", false),
    ])
    func `the certificate must be for the host that was asked for`(host: String, isGood: Bool) throws {
        for version in TLSVersion.allCases {
            let pair = try TLSPair(
                try client(versions: version...version), try server(), host: host)
            let (client, _) = pair.shakeUntilFailure()
            #expect(pair.client.isEstablished == isGood)
            #expect(client?.code == (isGood ? nil : .hostMismatch))
        }
    }

    @Test func `a wildcard stands for one whole label, and the common name for nothing`() throws {
        let wild = try authority.issue { $0.hosts = "DNS:*.shop.example,DNS:a*.part.example" }
        for (host, isGood) in [
            ("a.shop.example", true), ("a.b.shop.example", false), ("shop.example", false),
            ("ab.part.example", false), ("leaf", false),
        ] {
            let pair = try TLSPair(try client(), try server(wild), host: host)
            #expect((pair.shakeUntilFailure().client == nil) == isGood, "\(host)")
        }
    }

    @Test func `expired, early, self-signed, foreign and incomplete ones are told apart`() throws {
        let stranger = try TestAuthority("a stranger")
        let cases: [(TestAuthority.Files, TLSError.Code, String)] = [
            (
                try authority.issue { ($0.start, $0.end) = (-7_200, -3_600) }, .peerExpired,
                "certificate has expired"
            ),
            (try authority.issue { $0.start = 3_600 }, .peerNotYetValid, "not yet valid"),
            (try authority.selfSigned(), .peerNotTrusted, "self-signed"),
            (try stranger.issue(), .peerNotTrusted, "unable to get local issuer"),
            (try authority.issueIncomplete(), .peerNotTrusted, "unable to get local issuer"),
            (try authority.issue { $0.isClient = true }, .peerNotTrusted, ""),
        ]
        for (files, code, words) in cases {
            let pair = try TLSPair(try client(), try server(files), port: 8443)
            let failures = pair.shakeUntilFailure()
            #expect(failures.client?.code == code)
            let message = try #require(failures.client?.message)
            #expect(message.contains("the certificate of localhost:8443 is refused"))
            #expect(message.contains(words) || words.isEmpty, "\(message)")
            #expect(failures.server?.code == .peerRefused)
        }
    }

    // MARK: Whom the server lets in

    @Test(arguments: TLSVersion.allCases)
    func `mutual TLS: a client of our authority gets in, others and none do not`(
        version: TLSVersion
    ) throws {
        let only = version...version
        let required = try server(
            clients: .required(authoritiesPath: authority.rootPath), versions: only)
        let mine = try authority.issue { ($0.name, $0.isClient) = ("customer", true) }
        let good = try TLSPair(try client(mine, versions: only), required)
        try good.shake()
        #expect(good.server.peerSubject == "CN=customer")

        let none = try TLSPair(try client(versions: only), required).shakeUntilFailure()
        #expect(none.server?.code == .peerNotTrusted)
        #expect(none.server?.message.contains("shows no certificate") == true)
        #expect(none.client?.code == .peerRefused)

        let strangers = try TestAuthority("a stranger")
        let stranger = try strangers.issue { $0.isClient = true }
        let foreign = try TLSPair(try client(stranger, versions: only), required)
            .shakeUntilFailure()
        #expect(foreign.server?.code == .peerNotTrusted)
        #expect(foreign.client?.code == .peerRefused)

        let aServer = try TLSPair(try client(files, versions: only), required).shakeUntilFailure()
        #expect(aServer.server?.code == .peerNotTrusted, "a server's certificate is no client's")
    }

    @Test func `optional client certificates may be missing, not wrong`() throws {
        let optional = try server(clients: .optional(authoritiesPath: authority.rootPath))
        let none = try TLSPair(try client(), optional)
        try none.shake()
        #expect(none.server.isEstablished && none.server.peerSubject == nil)
        let strangers = try TestAuthority("a stranger")
        let stranger = try strangers.issue { $0.isClient = true }
        let foreign = try TLSPair(try client(stranger), optional).shakeUntilFailure()
        #expect(foreign.server?.code == .peerNotTrusted)
    }

    // MARK: What is no agreement

    @Test func `versions that do not meet end with an alert`() throws {
        let pair = try TLSPair(
            try client(versions: .tls12 ... .tls12), try server(versions: .tls13 ... .tls13))
        let failures = pair.shakeUntilFailure()
        #expect(failures.server?.code == .handshake)
        #expect(failures.client?.code == .peerRefused)
    }

    @Test func `plain HTTP is answered as such, other bytes are not (H99)`() throws {
        let server = try server()
        let refusal = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
        for (bytes, answer) in [
            (Array("GET / HTTP/1.1\r\n".utf8), refusal), ([0x00, 0xFF], []), ([0x80, 0x2E, 1], []),
        ] {
            let session = try TLSSession(server: server, answerToPlainText: { refusal })
            var (plain, wire): ([UInt8], [UInt8]) = ([], [])
            let error = #expect(throws: TLSError.self) {
                try session.receive(bytes, plain: &plain, wire: &wire)
            }
            #expect(error?.code == .notTLS)
            #expect(wire == answer)
            #expect(plain.isEmpty)
        }
    }

    @Test func `a client that meets plain HTTP says so`() throws {
        let session = try TLSSession(client: try client(), host: "localhost", port: 80)
        var (plain, wire): ([UInt8], [UInt8]) = ([], [])
        try session.begin(wire: &wire)
        let error = #expect(throws: TLSError.self) {
            try session.receive(Array("HTTP/1.1 400 ".utf8), plain: &plain, wire: &wire)
        }
        #expect(error?.code == .notTLS)
        #expect(error?.message == "localhost:80 answers without TLS; is it an http port?")
    }

    @Test func `random bytes behind a record's first byte are refused, at any cut (H99)`() throws {
        let server = try server()
        var seed: UInt64 = 42
        for _ in 0..<100 {
            var bytes: [UInt8] = [22, 3, 1]
            for _ in 0..<200 {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(UInt8(truncatingIfNeeded: seed >> 33))
            }
            let session = try TLSSession(server: server)
            var (plain, wire): ([UInt8], [UInt8]) = ([], [])
            do {
                for byte in bytes { try session.receive([byte], plain: &plain, wire: &wire) }
            } catch {
                #expect(error is TLSError)
            }
            #expect(!session.isEstablished && plain.isEmpty)
        }
    }

    @Test func `every byte of a handshake may be changed: no trap, and never a wrong peer (H99)`() throws {
        let (clientContext, serverContext) = (try client(), try server())
        let session = try TLSSession(client: clientContext, host: "localhost", port: 1)
        var hello: [UInt8] = []
        try session.begin(wire: &hello)
        for place in stride(from: 0, to: hello.count, by: 2) {
            var changed = hello
            changed[place] ^= 0x55
            let server = try TLSSession(server: serverContext)
            var (plain, wire): ([UInt8], [UInt8]) = ([], [])
            // Ignored: most changes are refused, some do not matter at this stage.
            try? server.receive(changed, plain: &plain, wire: &wire)
            #expect(!server.isEstablished && plain.isEmpty)
        }
    }

    // MARK: Resumption

    @Test(arguments: TLSVersion.allCases)
    func `a second connection to the same server is resumed`(version: TLSVersion) throws {
        let (client, server) = (try client(versions: version...version), try server())
        for expected in [false, true, true] {
            let pair = try TLSPair(client, server)
            try pair.converse()
            #expect(pair.client.isResumed == expected)
            #expect(pair.server.isResumed == expected)
            // Cut without an orderly end, as most connections end.
        }
        let elsewhere = try TLSPair(client, server, port: 444)
        try elsewhere.converse()
        #expect(!elsewhere.client.isResumed)
    }

    @Test func `a ticket of TLS 1.3 is used once`() throws {
        let (client, server) = (try client(versions: .tls13 ... .tls13), try server())
        try TLSPair(client, server).converse()
        let cache = try #require(client.resumptions)
        let before = cache.count
        let pair = try TLSPair(client, server)
        #expect(cache.count == before - 1)
        try pair.converse()
        #expect(cache.count >= before)
    }

    @Test func `a ticket of TLS 1.3 leaves with the answer, not with the handshake`() throws {
        let (client, server) = (try client(versions: .tls13 ... .tls13), try server())
        let pair = try TLSPair(client, server)
        try pair.shake()
        #expect(client.resumptions?.count == 0)
        try pair.sayFromServer([42])
        try pair.exchange()
        #expect(client.resumptions?.count == 1)
    }

    @Test func `the cache is bounded in hosts and in tickets of one host`() throws {
        let (client, server) = (try client(), try server())
        let cache = try #require(client.resumptions)
        try TLSPair(client, server, port: 1).converse()
        let session = try #require(cache.take(for: "localhost:1"))
        for _ in 0..<(ResumptionCache.perHostMax + 3) { cache.add(session, for: "localhost:1") }
        #expect(cache.count == ResumptionCache.perHostMax)
        for port in 2..<(ResumptionCache.hostsMax + 2) { cache.add(session, for: "localhost:\(port)") }
        // The first one has made room.
        #expect(cache.count == ResumptionCache.hostsMax)
        let forgotten = try TLSPair(client, server, port: 1)
        try forgotten.converse()
        #expect(!forgotten.client.isResumed)
    }

    @Test func `a mutual session is resumed with the client's name, and not under other rules`() throws {
        let mine = try authority.issue { ($0.name, $0.isClient) = ("customer", true) }
        let client = try client(mine)
        let first = try server(clients: .required(authoritiesPath: authority.rootPath))
        try TLSPair(client, first).converse()
        let again = try TLSPair(client, first)
        try again.converse()
        #expect(again.server.isResumed)
        #expect(again.server.peerSubject == "CN=customer")
        // A reload has new ticket keys: the old ticket is no ticket any more.
        let reloaded = try server(clients: .required(authoritiesPath: authority.rootPath))
        let after = try TLSPair(client, reloaded)
        try after.converse()
        #expect(!after.server.isResumed)
    }
}
