import Basics
import Configuration
import Foundation
import HTTP
import ServiceKit
import Sockets
import Support
import Synchronization
import Testing

@testable import PaymentProviderService

/// The provider as a merchant and an operator see it.
@Suite struct ProviderRoutesTests {
    private struct Site: Sendable {
        let api: Router
        let operations: Router

        init(_ loop: EventLoop, journal: String) throws {
            let context = ServiceContext(
                name: "payment-provider", loop: loop, logger: QuietLog.logger(),
                metrics: QuietLog.metrics(),
                environment: EnvironmentReader([
                    "MERCATO_PROVIDER_JOURNAL": journal, "MERCATO_PROVIDER_HOLD_MS": "50",
                ]))
            let composition = try ProviderApplication.compose(context)
            (api, operations) = (composition.api, composition.operations)
        }

        func post(_ path: String, key: String? = nil, _ body: String) async throws -> Response {
            var headers: Headers = ["content-type": "application/json"]
            if let key { headers["idempotency-key"] = key }
            return await api.respond(
                to: try Request(.post, path, headers: headers, body: Array(body.utf8)))
        }

        func get(_ path: String) async throws -> String {
            ProviderRoutesTests.text(await api.respond(to: try Request(.get, path)))
        }

        func fault(_ body: String) async throws -> Response {
            await operations.respond(
                to: try Request(
                    .put, "/internal/faults", headers: ["content-type": "application/json"],
                    body: Array(body.utf8)))
        }
    }

    private static let purchase =
        #"{"merchant_reference":"o1","amount_minor":1200,"currency":"EUR","card_token":"tok_ok"}"#

    private static func text(_ response: Response) -> String {
        guard case .bytes(let bytes) = response.body else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func withSite(
        _ body: @escaping @Sendable (Site) async throws -> Void
    ) async throws {
        let journal = try ScratchFolder.make("provider") + "/journal.jsonl"
        try await TestLoop.run { loop in try await body(Site(loop, journal: journal)) }
    }

    @Test func `a replay gets the stored answer and says so; another body is refused`() async throws {
        try await withSite { site in
            let first = try await site.post("/v1/authorizations", key: "k1", Self.purchase)
            let again = try await site.post("/v1/authorizations", key: "k1", Self.purchase)
            #expect(first.status == 200 && Self.text(first) == Self.text(again))
            #expect(first.headers["idempotency-replayed"] == nil)
            #expect(again.headers["idempotency-replayed"] == "true")
            let other = try await site.post(
                "/v1/authorizations", key: "k1", Self.purchase.replacing("1200", with: "1300"))
            #expect(other.status == 422)
            #expect(Self.text(other).contains("idempotency_key_reused"))
        }
    }

    @Test func `without a key nothing is done`() async throws {
        try await withSite { site in
            let response = try await site.post("/v1/authorizations", Self.purchase)
            #expect(response.status == 400)
            #expect(
                try await site.get("/v1/operations?merchant_reference=o1")
                    == #"{"operations":[]}"#)
        }
    }

    @Test func `a stored failure stays 500 until its key is cancelled`() async throws {
        try await withSite { site in
            let armed = try await site.fault(#"{"mode":"fail","count":1}"#)
            #expect(armed.status == 200)
            let failed = try await site.post("/v1/authorizations", key: "k1", Self.purchase)
            let again = try await site.post("/v1/authorizations", key: "k1", Self.purchase)
            #expect(failed.status == 500 && again.status == 500)
            #expect(again.headers["idempotency-replayed"] == "true")
            let fence = try await site.post("/v1/cancellations", #"{"key":"k1"}"#)
            #expect(fence.status == 200 && Self.text(fence).contains("cancelled"))
            let late = try await site.post("/v1/authorizations", key: "k1", Self.purchase)
            #expect(Self.text(late).contains("cancelled"))
        }
    }

    @Test func `silence with effect leaves the effect, silence without leaves nothing`() async throws {
        try await withSite { site in
            _ = try await site.fault(#"{"mode":"timeout_lost","count":1}"#)
            let lost = try await site.post("/v1/authorizations", key: "k1", Self.purchase)
            guard case .stream = lost.body else {
                Issue.record("an answer came")
                return
            }
            #expect(try await site.get("/v1/operations?key=k1") == #"{"operations":[]}"#)
            _ = try await site.fault(#"{"mode":"timeout_effect","count":1}"#)
            _ = try await site.post("/v1/authorizations", key: "k1", Self.purchase)
            #expect(try await site.get("/v1/operations?key=k1").contains("approved"))
        }
    }

    @Test func `calls that meet a fault are counted until the switch is turned again`() async throws {
        try await withSite { site in
            func met() async throws -> String {
                Self.text(
                    await site.operations.respond(to: try Request(.get, "/internal/faults")))
            }
            _ = try await site.fault(#"{"mode":"delay","delay_ms":1}"#)
            #expect(try await met().contains(#""met":0"#))
            _ = try await site.post("/v1/authorizations", key: "k1", Self.purchase)
            _ = try await site.post("/v1/authorizations", key: "k2", Self.purchase)
            // A replay is answered from the books and meets nothing.
            _ = try await site.post("/v1/authorizations", key: "k1", Self.purchase)
            #expect(try await met().contains(#""met":2"#))
            _ = try await site.fault(#"{"mode":"off"}"#)
            #expect(try await met().contains(#""met":2"#))
            _ = try await site.fault(#"{"mode":"fail"}"#)
            #expect(try await met().contains(#""met":0"#))
        }
    }

    @Test func `the audit shows the journal without card tokens`() async throws {
        try await withSite { site in
            _ = try await site.post("/v1/authorizations", key: "k1", Self.purchase)
            let response = await site.operations.respond(to: try Request(.get, "/internal/audit"))
            guard case .stream(_, let write) = response.body else {
                Issue.record("the audit is no stream")
                return
            }
            let page = Page()
            try await write(page)
            let lines = page.text.split(separator: "\n")
            #expect(lines.count == 3)
            #expect(lines.dropFirst().first?.contains(#""merchant_reference":"o1""#) == true)
            #expect(lines.dropFirst().first?.contains(#""outcome":"approved""#) == true)
            #expect(lines.last == #"{"t":"end","r":{"rows":1}}"#)
            #expect(!page.text.contains("tok_ok") && !page.text.contains("card_token"))
        }
    }

    @Test(arguments: [
        #"{"mode":"explode"}"#, #"{"mode":"delay","delay_ms":-1}"#, #"{"mode":"fail","count":-1}"#,
    ])
    func `a fault that makes no sense is refused`(body: String) async throws {
        try await withSite { site in
            let response = try await site.fault(body)
            #expect(response.status == 422)
        }
    }
}

/// Collects a streamed body.
private final class Page: BodyWriter {
    private let bytes = Mutex<[UInt8]>([])

    var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }

    func write(_ bytes: [UInt8]) async throws { self.bytes.withLock { $0 += bytes } }
}
