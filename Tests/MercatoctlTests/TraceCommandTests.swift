import Basics
import Foundation
import NativeServers
import Support
import Synchronization
import Testing

@testable import Mercatoctl

/// `mercatoctl trace` over answers of Jaeger from memory.
@Suite struct TraceCommandTests {
    private static let order = "01a1feda-08ec-7163-bb94-e7151007fb81"

    private static func fixture() throws -> [UInt8] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/jaeger/checkout.json")
        return Array(try Data(contentsOf: file))
    }

    private func run(
        _ jaeger: FakeJaeger, _ id: String = order, jaegerURL: String? = "http://127.0.0.1:16686",
        _ environment: [String: String] = [:]
    ) async throws -> [String] {
        let output = Output()
        var values = environment
        values["MERCATO_HOME"] = try ScratchFolder.make("trace")
        let settings = try StackSettings(values)
        let code = try await TestLoop.run { loop in
            try await Commands(
                stack: Stack(settings, terminal: output.terminal, interruption: Interruption()),
                calls: jaeger, loop: loop, place: PlaceOptions(on: .native, jaeger: jaegerURL)
            ).run(.trace(order: id))
        }
        #expect(code == .done)
        return output.lines
    }

    @Test func `the tree shows service, name, offset, duration, failures, silences and what is missing`()
        async throws
    {
        let lines = try await run(FakeJaeger(200, try Self.fixture()))
        #expect(
            lines == [
                "trace 0af7651916cd43dd8448eb211c80319c of order \(Self.order)",
                "5 spans in 4 services (gateway, order, payment, payment-provider), 1244 ms in all",
                "  offset  duration  service",
                " +0.0 ms   12.3 ms  gateway           POST /v1/orders  (202)",
                " +1.0 ms   11.0 ms  order               POST /v1/orders",
                " +5.0 ms    2.0 ms  order                 send payment.commands.v1  (payment.commands.v1)",
                "                    (27.7 ms without any span)",
                "+40.0 ms   1204 ms  payment                 process payment.commands.v1  !! contradiction",
                "+50.0 ms    0.4 ms  payment-provider  POST /v1/captures  [its parent is missing]",
                "note: 1 spans have a parent that Jaeger has not: it was dropped, or comes with the next batch; ask again in some seconds",
                "note: 1 spans failed, marked with !!",
                "note: Jaeger remarks: seen twice",
                "in the browser: http://127.0.0.1:16686/trace/0af7651916cd43dd8448eb211c80319c",
            ])
    }

    /// A container's name for Jaeger is no address of the machine outside.
    @Test func `the page is printed with the address that browsers have`() async throws {
        let jaeger = FakeJaeger(200, try Self.fixture())
        let lines = try await run(
            jaeger, jaegerURL: "http://jaeger:16686",
            ["MERCATO_JAEGER_PAGES_URL": "http://127.0.0.1:26686"])
        #expect(jaeger.seen.first?.hasPrefix("http://jaeger:16686/api/traces") == true)
        #expect(
            lines.last
                == "in the browser: http://127.0.0.1:26686/trace/0af7651916cd43dd8448eb211c80319c")
    }

    @Test func `Jaeger is asked for the order's tag around the order's own instant`() async throws {
        let jaeger = FakeJaeger(200, try Self.fixture())
        _ = try await run(jaeger)
        let url = try #require(jaeger.seen.first)
        let query = try #require(URLComponents(string: url)?.queryItems)
        func value(_ name: String) -> String? { query.first { $0.name == name }?.value }
        #expect(value("service") == "order")
        #expect(value("tags") == #"{"mercato.order_id":"\#(Self.order)"}"#)
        let made = try #require(UniqueID(Self.order)).milliseconds * 1_000
        let start = try #require(value("start").flatMap { Int64($0) })
        let end = try #require(value("end").flatMap { Int64($0) })
        #expect(start < made && made < end)
    }

    @Test func `what is no id, an unknown order, and a trace that has not come say which it is`()
        async throws
    {
        let empty = Array(#"{"data":[],"total":0,"errors":null}"#.utf8)
        func failure(_ jaeger: FakeJaeger, _ id: String = Self.order) async -> CommandFailure? {
            await #expect(throws: CommandFailure.self) { _ = try await run(jaeger, id) }
        }
        #expect(await failure(FakeJaeger(200, empty), "seven")?.code == .usage)
        let unknown = await failure(FakeJaeger(200, empty, orders: []))
        #expect(unknown?.message == "there is no order \(Self.order)")
        let late = await failure(FakeJaeger(200, empty, orders: [Self.order]))
        #expect(late?.message.contains("has no trace of the order \(Self.order)") == true)
        #expect(late?.details.first == "spans come some seconds after the order: ask again")
        let blind = await failure(FakeJaeger(200, empty))
        #expect(blind?.details.last?.contains("order show \(Self.order)") == true)
    }

    @Test func `an address that is not Jaeger's is said to be none`() async throws {
        for (status, body) in [(200, "<html>"), (200, "[]"), (500, "oops")] {
            let failure = await #expect(throws: CommandFailure.self) {
                _ = try await run(FakeJaeger(status, Array(body.utf8)))
            }
            #expect(failure?.message.contains("http://127.0.0.1:16686") == true)
        }
    }

    @Test func `without a Jaeger, and with one that is away, the remedy is told`() async throws {
        let none = await #expect(throws: CommandFailure.self) {
            _ = try await run(FakeJaeger(200, []), jaegerURL: nil)
        }
        #expect(none?.message == "no Jaeger is known for this place (native)")
        #expect(none?.details.first?.contains("`jaeger` (version 2) on PATH") == true)
        let away = await #expect(throws: CommandFailure.self) {
            _ = try await run(FakeJaeger(0, []))
        }
        #expect(away?.message == "Jaeger does not answer at http://127.0.0.1:16686")
        #expect(away?.details.contains { $0.contains("mercatoctl start jaeger") } == true)
    }

    @Test func `a trace whose spans name each other as parents is drawn, not followed for ever`() throws {
        let loop = #"""
            {"traceID":"t","processes":{"p":{"serviceName":"s"}},"spans":[
            {"spanID":"a","operationName":"a","startTime":1,"duration":1,"processID":"p","references":[{"refType":"CHILD_OF","spanID":"b"}]},
            {"spanID":"b","operationName":"b","startTime":2,"duration":1,"processID":"p","references":[{"refType":"CHILD_OF","spanID":"a"}]}]}
            """#
        let trace = try JSONDecoder().decode(JaegerTrace.self, from: Data(loop.utf8))
        let lines = TraceListing.lines(trace, order: "o")
        #expect(lines.last == "note: the first span is missing: the trace begins somewhere in the middle")
    }
}

/// Jaeger's query API, and the Order service's audit, from memory.
private final class FakeJaeger: HTTPCalls {
    private let status: Int
    private let body: [UInt8]
    private let orders: [String]?
    private let calls = Mutex<[String]>([])
    var seen: [String] { calls.withLock { $0 } }

    /// - Parameters:
    ///   - status: 0 for nobody there.
    ///   - orders: what Order knows; nil when it cannot be asked.
    init(_ status: Int, _ body: [UInt8], orders: [String]? = nil) {
        self.status = status
        self.body = body
        self.orders = orders
    }

    func call(_ method: String, _ url: String, headers: [String: String], body: [UInt8]?) async throws
        -> HTTPAnswer
    {
        calls.withLock { $0.append(url) }
        guard status > 0 else { throw CommandFailure(.failed, "refused", isUnreachable: true) }
        return HTTPAnswer(status: status, body: self.body)
    }

    func stream(
        _ url: String, headers: [String: String], limit: Deadline,
        _ piece: (_ bytes: [UInt8]) async throws -> Bool
    ) async throws -> Int {
        guard let orders else { throw CommandFailure(.failed, "refused", isUnreachable: true) }
        let rows = orders.map { #"{"t":"orders","r":{"order_id":"\#($0)"}}"# }
        let lines = rows + [#"{"t":"end","r":{"rows":\#(rows.count)}}"#]
        _ = try await piece(Array((lines.joined(separator: "\n") + "\n").utf8))
        return 200
    }
}
