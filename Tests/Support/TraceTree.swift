import Foundation

/// One trace as a tree, for tests and for their messages.
package struct TraceTree: Sendable {
    package let spans: [CollectedSpan]

    package init(_ spans: [CollectedSpan]) { self.spans = spans.sorted { $0.start < $1.start } }

    package var roots: [CollectedSpan] { spans.filter(\.parent.isEmpty) }

    /// Spans whose parent is not part of the trace.
    package var orphans: [CollectedSpan] {
        let known = Set(spans.map(\.id))
        return spans.filter { !$0.parent.isEmpty && !known.contains($0.parent) }
    }

    package var services: Set<String> { Set(spans.map(\.service)) }

    /// `service: kind name`, how often each.
    package var names: [String: Int] {
        Dictionary(grouping: spans, by: { ExpectedTrace.line($0.service, $0.kind, $0.name) })
            .mapValues(\.count)
    }

    /// A line for each span, children below their parent; milliseconds since the root's start.
    package var text: String {
        let children = Dictionary(grouping: spans, by: \.parent)
        let zero = spans.first?.start ?? 0
        var lines: [String] = []
        func add(_ span: CollectedSpan, _ depth: Int) {
            let milliseconds = { (nanoseconds: Int64) in
                String(format: "%.1f", Double(nanoseconds) / 1e6)
            }
            lines.append(
                String(repeating: "  ", count: depth)
                    + ExpectedTrace.line(span.service, span.kind, span.name)
                    + " +\(milliseconds(span.start - zero)) \(milliseconds(span.end - span.start)) ms"
                    + (span.isFailed ? " FAILED" : ""))
            for child in children[span.id] ?? [] { add(child, depth + 1) }
        }
        for root in roots + orphans { add(root, 0) }
        return lines.joined(separator: "\n")
    }
}

/// What the trace of a demo order must hold: `Tests/Fixtures/traces/<outcome>.json`.
package struct ExpectedTrace: Codable, Sendable {
    package struct Span: Codable, Sendable {
        package let service: String
        /// `internal`, `server`, `client`, `producer` or `consumer`.
        package let kind: String
        package let name: String
        /// How many there are when nothing is sent twice.
        package let count: Int
    }

    package let outcome: String
    package let root: Span
    package let services: [String]
    package let spans: [Span]

    package static func load(_ outcome: String) throws -> ExpectedTrace {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/traces/\(outcome).json")
        return try JSONDecoder().decode(ExpectedTrace.self, from: Data(contentsOf: file))
    }

    /// As `TraceTree.names`.
    package var names: [String: Int] {
        Dictionary(
            spans.map { ("\($0.service): \($0.kind) \($0.name)", $0.count) }, uniquingKeysWith: +)
    }

    static func line(_ service: String, _ kind: Int, _ name: String) -> String {
        let kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"]
        return "\(service): \(kinds.indices.contains(kind) ? kinds[kind] : "kind \(kind)") \(name)"
    }
}
