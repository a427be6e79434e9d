import Basics
import Foundation
import Mercatoctl
import NativeServers
import Support
import Synchronization
import Testing

/// The demo with a real Jaeger beside it. Skipped where none is on PATH: no distribution packs it.
@Suite(.serialized, .enabled(if: Command.find("jaeger") != nil, "needs `jaeger` (version 2) on PATH"))
struct JaegerStackTests {
    @Test func `each demo order is one trace in Jaeger, with the expected spans and no other`()
        async throws
    {
        try await WholeStack.alone {
            let stack = try WholeStack(adding: ["MERCATO_JAEGER": "auto", "OTEL_BSP_SCHEDULE_DELAY": "200"])
            let jaeger = "http://127.0.0.1:\(stack.settings.ports.jaeger)"
            let up = try await stack.mercatoctl("up")
            #expect(up.status == 0 && up.output.contains("traces: \(jaeger)/"), "\(up.output)\(up.errors)")
            let demo = try await stack.mercatoctl("demo")
            #expect(demo.status == 0, "\(demo.output)\(demo.errors)")
            let orders = words(of: demo.output, behind: "   order ")
            let links = words(of: demo.output, behind: "   trace ")
            try #require(orders.count == 3 && links.count == 3, "\(demo.output)")
            for (index, outcome) in ["confirmed", "declined", "no_stock"].enumerated() {
                let order = try #require(UniqueID(orders[index]))
                let trace = try await whole(outcome, of: order, in: jaeger)
                #expect(links[index] == "\(jaeger)/trace/\(trace.traceID)")
                try await shown(orders[index], by: stack, as: outcome)
            }
            let status = try await stack.mercatoctl("status")
            #expect(status.output.contains("\njaeger ") && status.output.contains("traces \(jaeger)/"))
            try await refusals(stack, known: orders[0])
            try await stack.down()
        }
    }

    /// Waits for the trace to be complete, and compares it with what is expected of it.
    private func whole(_ outcome: String, of order: UniqueID, in jaeger: String) async throws -> JaegerTrace {
        let expected = try Expected.load(outcome)
        let found = Mutex<[JaegerTrace]>([])
        try await TestLoop.run { loop in
            let api = JaegerAPI(url: jaeger, calls: ClientCalls(loop: loop))
            let count = expected.spans.reduce(0) { $0 + $1.count }
            do {
                try await eventually("\(count) spans", within: .seconds(20), every: .milliseconds(200)) {
                    let traces = try await api.traces(of: order)
                    found.withLock { $0 = traces }
                    return traces.first?.spans.count ?? 0 >= count
                }
            } catch is NeverHappened {
                // Ignored: the comparison that follows says which spans are missing.
            }
        }
        let traces = found.withLock { $0 }
        #expect(traces.count == 1, "traces of one order")
        let trace = try #require(traces.first)
        let listing = TraceListing.lines(trace, order: order.description).joined(separator: "\n")
        #expect(trace.roots.count == 1 && trace.orphans.isEmpty, "\(listing)")
        #expect(trace.roots.first.map { trace.service(of: $0) } == "gateway")
        #expect(trace.services == Set(expected.services), "\(listing)")
        #expect(expected.difference(from: trace) == [], "\(listing)")
        return trace
    }

    /// What people see of it.
    private func shown(_ order: String, by stack: WholeStack, as outcome: String) async throws {
        let shown = try await stack.mercatoctl("trace", order)
        #expect(shown.status == 0, "\(shown.output)\(shown.errors)")
        #expect(shown.output.contains("of order \(order)") && !shown.output.contains("note:"), "\(shown.output)")
        #expect(shown.output.contains("payment") == (outcome != "no_stock"))
    }

    /// An order that nobody placed, and a Jaeger that is away.
    private func refusals(_ stack: WholeStack, known order: String) async throws {
        let unknown = try await stack.mercatoctl("trace", UniqueID.v7().description)
        #expect(unknown.status == 1 && unknown.errors.contains("there is no order"), "\(unknown.errors)")
        #expect(try await stack.mercatoctl("stop", "jaeger").status == 0)
        let away = try await stack.mercatoctl("trace", order)
        #expect(away.status == 1 && away.errors.contains("Jaeger does not answer at"), "\(away.errors)")
        #expect(away.errors.contains("mercatoctl start jaeger"))
    }

    private func words(of text: String, behind mark: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix(mark) }
            .compactMap { $0.dropFirst(mark.count).split(separator: " ").first.map(String.init) }
    }
}

/// `Tests/Fixtures/traces/<outcome>.json`.
private struct Expected: Decodable {
    struct Span: Decodable {
        let service: String
        let kind: String
        let name: String
        let count: Int
    }
    let services: [String]
    let spans: [Span]

    static func load(_ outcome: String) throws -> Expected {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/traces/\(outcome).json")
        return try JSONDecoder().decode(Expected.self, from: Data(contentsOf: file))
    }

    /// `service: kind name` with how often it should be and is, where the two differ.
    func difference(from trace: JaegerTrace) -> [String] {
        var counts: [String: (wanted: Int, found: Int)] = [:]
        for span in spans {
            counts["\(span.service): \(span.kind) \(span.name)", default: (0, 0)].wanted += span.count
        }
        for span in trace.spans {
            let kind = span.tag("span.kind") ?? "internal"
            counts["\(trace.service(of: span)): \(kind) \(span.operationName)", default: (0, 0)].found += 1
        }
        return counts.filter { $0.value.wanted != $0.value.found }
            .map { "\($0.key): expected \($0.value.wanted), found \($0.value.found)" }.sorted()
    }
}
