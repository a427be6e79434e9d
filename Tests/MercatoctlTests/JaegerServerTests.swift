import Basics
import Foundation
import NativeServers
import Support
import Testing

@testable import Mercatoctl

/// Against a real Jaeger 2; skipped where none is on PATH, because no distribution packs it.
@Suite(.enabled(if: Command.find("jaeger") != nil, "needs `jaeger` (version 2) on PATH"))
struct JaegerServerTests {
    @Test func `it starts with our settings, takes OTLP, and its trace is printed`() async throws {
        let program = try #require(Command.find("jaeger"))
        let folder = try ScratchFolder.make("jaeger")
        let (port, otlp) = (try FreePort.any(), try FreePort.any())
        let launch = try JaegerServer.launch(
            program: program, port: port, otlpPort: otlp, folder: folder, log: folder + "/jaeger.log")
        let child = try await Blocking.run { try ChildProcess(launch) }
        Watchdog.shared.watch(child.identity)
        try await Blocking.run { try child.waitUntilReady(within: .seconds(30)) }
        let order = UniqueID.v7()
        let settings = try StackSettings(["MERCATO_HOME": folder])
        let lines = try await TestLoop.run { loop in
            let calls = ClientCalls(loop: loop)
            let sent = try await calls.call(
                "POST", "http://127.0.0.1:\(otlp)/v1/traces",
                headers: ["Content-Type": "application/json"], body: Self.spans(of: order))
            #expect(sent.status == 200)
            let api = JaegerAPI(url: "http://127.0.0.1:\(port)", calls: calls)
            try await eventually("both spans are there", within: .seconds(10)) {
                try await api.traces(of: order).first?.spans.count == 2
            }
            let output = Output()
            let code = try await Commands(
                stack: Stack(settings, terminal: output.terminal, interruption: Interruption()),
                calls: calls, loop: loop,
                place: PlaceOptions(on: .native, jaeger: "http://127.0.0.1:\(port)")
            ).run(.trace(order: order.description))
            #expect(code == .done)
            return output.lines
        }
        #expect(lines.contains { $0.contains("2 spans in 1 services (order)") })
        #expect(lines.contains { $0.hasSuffix("order               child  !! broke") })
        let stopped = try await Blocking.run {
            child.stop()
            return child.exit
        }
        #expect(stopped != nil)
    }

    private static func spans(of order: UniqueID) -> [UInt8] {
        let start = order.milliseconds * 1_000_000
        let trace = "0af7651916cd43dd8448eb211c80319c"
        let text = """
            {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"order"}}]},
            "scopeSpans":[{"spans":[
            {"traceId":"\(trace)","spanId":"00f067aa0ba902b7","name":"root","kind":2,
            "startTimeUnixNano":"\(start)","endTimeUnixNano":"\(start + 5_000_000)",
            "attributes":[{"key":"mercato.order_id","value":{"stringValue":"\(order)"}}]},
            {"traceId":"\(trace)","spanId":"00f067aa0ba902b8","parentSpanId":"00f067aa0ba902b7","name":"child","kind":1,
            "startTimeUnixNano":"\(start + 1_000_000)","endTimeUnixNano":"\(start + 2_000_000)",
            "status":{"code":2,"message":"broke"}}]}]}]}
            """
        return Array(text.utf8)
    }
}
