import Foundation
import TLSFixture
import Testing

@testable import Crypto

@Suite struct TLSContextTests {
    private let authority: TestAuthority
    private let good: TestAuthority.Files

    init() throws {
        authority = try TestAuthority()
        good = try authority.issue()
    }

    private func failure(_ chain: String, _ key: String) -> TLSError? {
        #expect(throws: TLSError.self) {
            try TLSContext(
                server: TLSServerOptions(identity: TLSIdentity(chainPath: chain, keyPath: key)))
        }
    }

    @Test func `a good chain and key make a context without complaints about time`() throws {
        let context = try TLSContext(
            server: TLSServerOptions(
                identity: TLSIdentity(chainPath: good.chain, keyPath: good.key)))
        #expect(!context.warnings.contains { $0.contains("more hours") })
    }

    @Test func `a missing file is named`() {
        let error = failure("/nowhere/chain.pem", good.key)
        #expect(error?.code == .fileMissing)
        #expect(error?.message == "the certificate chain: there is no file /nowhere/chain.pem")
        #expect(failure(good.chain, "/nowhere/key.pem")?.code == .fileMissing)
    }

    @Test func `a folder, an empty file, and a huge one cannot be read`() throws {
        #expect(failure(authority.folder, good.key)?.code == .fileUnreadable)
        let empty = try authority.file("empty.pem", "")
        #expect(failure(empty, good.key)?.code == .fileUnreadable)
        let huge = try authority.file("huge.pem", String(repeating: "x", count: PEMFile.sizeMax + 1))
        #expect(failure(huge, good.key)?.code == .fileUnreadable)
    }

    @Test func `text that is no PEM is said to be none, and key and chain are not mixed up`() throws {
        let text = try authority.file("text.pem", "hello\n")
        #expect(failure(text, good.key)?.code == .notPEM)
        #expect(failure(good.chain, text)?.code == .notPEM)
        #expect(failure(good.key, good.key)?.code == .notPEM)
        #expect(failure(good.chain, good.chain)?.code == .notPEM)
    }

    @Test func `a damaged block is malformed, and counted`() throws {
        let whole = try String(contentsOfFile: good.chain, encoding: .utf8)
        let broken = try authority.file(
            "broken.pem", whole + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        let error = failure(broken, good.key)
        #expect(error?.code == .malformed)
        #expect(error?.message.hasPrefix("certificate 3 of") == true)
        let key = try authority.file(
            "broken.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
        #expect(failure(good.chain, key)?.code == .malformed)
    }

    @Test func `a key with a pass phrase is refused without asking for it`() throws {
        // Any content will do: the block's header says that it is encrypted.
        let key = try authority.file(
            "secret.key",
            """
            -----BEGIN EC PRIVATE KEY-----
            Proc-Type: 4,ENCRYPTED
            DEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF

            AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
            -----END EC PRIVATE KEY-----

            """)
        #expect(failure(good.chain, key)?.code == .keyEncrypted)
    }

    @Test func `a key of another certificate is refused`() throws {
        let other = try authority.issue()
        let error = failure(good.chain, other.key)
        #expect(error?.code == .keyMismatch)
        #expect(error?.message.contains(other.key) == true)
    }

    @Test func `an expired certificate and one of tomorrow are refused with their dates`() throws {
        let old = try authority.issue { ($0.start, $0.end) = (-2 * 86_400, -60) }
        let error = failure(old.chain, old.key)
        #expect(error?.code == .expired)
        #expect(error?.message.contains("valid from 20") == true)
        let early = try authority.issue { $0.start = 86_400 }
        #expect(failure(early.chain, early.key)?.code == .notYetValid)
    }

    @Test func `a certificate that ends soon is a warning`() throws {
        let soon = try authority.issue { $0.end = 86_000 }
        let context = try TLSContext(
            server: TLSServerOptions(
                identity: TLSIdentity(chainPath: soon.chain, keyPath: soon.key)))
        #expect(context.warnings.contains { $0.contains("is valid for 23 more hours") })
    }

    @Test func `a chain in the wrong order is refused, an incomplete one is a warning`() throws {
        let blocks = try String(contentsOfFile: good.chain, encoding: .utf8)
            .components(separatedBy: "-----END CERTIFICATE-----\n").filter { !$0.isEmpty }
            .map { $0 + "-----END CERTIFICATE-----\n" }
        try #require(blocks.count == 2)
        let root = try String(contentsOfFile: authority.rootPath, encoding: .utf8)
        let skipped = try authority.file("skipped.pem", blocks[0] + root)
        let error = failure(skipped, good.key)
        #expect(error?.code == .chainBroken)
        #expect(error?.message.contains("CN=leaf, whose issuer is CN=test root\\, intermediate") == true)

        let short = try authority.issueIncomplete()
        let context = try TLSContext(
            server: TLSServerOptions(
                identity: TLSIdentity(chainPath: short.chain, keyPath: short.key)))
        #expect(context.warnings.contains { $0.contains("may be incomplete") })

        let full = try authority.file("full.pem", blocks.joined() + root)
        let complete = try TLSContext(
            server: TLSServerOptions(identity: TLSIdentity(chainPath: full, keyPath: good.key)))
        #expect(complete.warnings == [])
    }

    @Test func `authorities that are missing or no certificates are named`() throws {
        let missing = #expect(throws: TLSError.self) {
            try TLSContext(client: TLSClientOptions(authoritiesPath: "/nowhere/ca.pem"))
        }
        #expect(missing?.message == "the authorities: there is no file /nowhere/ca.pem")
        let none = #expect(throws: TLSError.self) {
            try TLSContext(
                server: TLSServerOptions(
                    identity: TLSIdentity(chainPath: good.chain, keyPath: good.key),
                    clientCertificates: .required(authoritiesPath: good.key)))
        }
        #expect(none?.code == .notPEM)
    }

    @Test func `a reload takes new files, and keeps the old ones when the new are bad`() throws {
        let chain = try authority.file("live.pem", try String(contentsOfFile: good.chain, encoding: .utf8))
        let key = try authority.file("live.key", try String(contentsOfFile: good.key, encoding: .utf8))
        let tls = try ServerTLS(
            TLSServerOptions(identity: TLSIdentity(chainPath: chain, keyPath: key)))
        let first = tls.current
        let next = try authority.issue { $0.name = "second" }
        _ = try authority.file("live.pem", try String(contentsOfFile: next.chain, encoding: .utf8))
        #expect(throws: TLSError.self) { try tls.reload() }
        #expect(tls.current === first)
        _ = try authority.file("live.key", try String(contentsOfFile: next.key, encoding: .utf8))
        try tls.reload()
        #expect(tls.current !== first)
        let client = try TLSContext(client: TLSClientOptions(authoritiesPath: authority.rootPath))
        let pair = try TLSPair(client, tls.current)
        try pair.shake()
        #expect(pair.client.peerSubject == "CN=second")
    }
}
