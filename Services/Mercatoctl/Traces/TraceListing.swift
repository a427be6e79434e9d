import Foundation

/// A trace as an indented list: offset from its beginning, duration, service, name.
package struct TraceListing {
    private let trace: JaegerTrace
    private let children: [String: [JaegerTrace.Span]]
    private let start: Int64
    /// Instants at which work went on after nothing had been recorded for a while.
    private var gaps: [Int64: Int64]
    private var lines: [String] = []

    /// A silence shorter than this is nothing to mention, in microseconds.
    static let gapMin: Int64 = 5_000
    /// Lines printed at most; a trace of a customer who tries for ever has more.
    static let linesMax = 2_000
    /// Deeper levels are drawn at this one.
    private static let depthMax = 40
    /// Attributes that tell one span from its like.
    private static let shownTags = [
        "http.response.status_code", "messaging.destination.name", "mercato.saga.state",
        "mercato.saga.to", "db.operation.name", "retries",
    ]

    init(_ trace: JaegerTrace) {
        self.trace = trace
        start = trace.spans.map(\.startTime).min() ?? 0
        let known = Set(trace.spans.map(\.spanID))
        var children: [String: [JaegerTrace.Span]] = [:]
        for span in trace.spans {
            let parent = span.parentID.flatMap { known.contains($0) && $0 != span.spanID ? $0 : nil }
            children[parent ?? "", default: []].append(span)
        }
        self.children = children.mapValues { $0.sorted { ($0.startTime, $0.spanID) < ($1.startTime, $1.spanID) } }
        gaps = Self.gaps(trace.spans)
    }

    /// Where no span at all was open: length by the instant at which the silence ended.
    static func gaps(_ spans: [JaegerTrace.Span]) -> [Int64: Int64] {
        var result: [Int64: Int64] = [:]
        var end: Int64?
        for span in spans.sorted(by: { $0.startTime < $1.startTime }) {
            if let end, span.startTime - end >= gapMin { result[span.startTime] = span.startTime - end }
            end = max(end ?? span.end, span.end)
        }
        return result
    }

    /// The whole listing: head, a line for each span, and what the reader should know of it.
    package static func lines(_ trace: JaegerTrace, order: String) -> [String] {
        var tree = TraceListing(trace)
        let end = trace.spans.map(\.end).max() ?? tree.start
        let services = trace.services.sorted().joined(separator: ", ")
        tree.lines = [
            "trace \(trace.traceID) of order \(order)",
            "\(trace.spans.count) spans in \(trace.services.count) services (\(services)), "
                + "\(milliseconds(end - tree.start)) in all",
            "", "  offset  duration  service",
        ]
        var seen: Set<String> = []
        for span in tree.children[""] ?? [] { tree.add(span, depth: 0, &seen) }
        if tree.lines.count >= linesMax { tree.lines.append("   (further spans are not shown)") }
        return tree.lines + notes(trace)
    }

    private mutating func add(_ span: JaegerTrace.Span, depth: Int, _ seen: inout Set<String>) {
        guard lines.count < Self.linesMax, seen.insert(span.spanID).inserted else { return }
        if let length = gaps.removeValue(forKey: span.startTime) {
            lines.append(Self.pad("", 20) + "(\(Self.milliseconds(length)) without any span)")
        }
        let orphan = span.parentID != nil && depth == 0 ? "  [its parent is missing]" : ""
        let failure = span.failure.map { "  !! \($0)" } ?? ""
        let tags = Self.shownTags.compactMap { span.tag($0) }.joined(separator: ", ")
        lines.append(
            Self.left(Self.offset(span.startTime - start), 8) + "  "
                + Self.left(Self.milliseconds(span.duration), 8) + "  "
                + Self.pad(trace.service(of: span), 16) + "  "
                + String(repeating: "  ", count: min(depth, Self.depthMax)) + span.operationName
                + (tags.isEmpty ? "" : "  (\(tags))") + failure + orphan)
        for child in children[span.spanID] ?? [] { add(child, depth: depth + 1, &seen) }
    }

    /// What the reader should know before believing that this is all.
    static func notes(_ trace: JaegerTrace) -> [String] {
        var notes: [String] = []
        let orphans = trace.orphans
        if !orphans.isEmpty {
            notes.append(
                "\(orphans.count) spans have a parent that Jaeger has not: it was dropped, or comes with the "
                    + "next batch; ask again in some seconds")
        }
        if trace.roots.isEmpty { notes.append("the first span is missing: the trace begins somewhere in the middle") }
        if trace.roots.count > 1 { notes.append("\(trace.roots.count) spans have no parent: this should be one") }
        let failed = trace.spans.count { $0.failure != nil }
        if failed > 0 { notes.append("\(failed) spans failed, marked with !!") }
        // Jaeger suspects a wrong clock wherever a child begins after its parent's end, as each message's
        // processing does.
        let warnings = Set(trace.spans.flatMap { $0.warnings ?? [] })
            .filter { !$0.hasPrefix("clock skew") }.sorted().prefix(3)
        notes += warnings.map { "Jaeger remarks: \($0)" }
        return notes.isEmpty ? [] : [""] + notes.map { "note: \($0)" }
    }

    private static func offset(_ microseconds: Int64) -> String { "+" + milliseconds(microseconds) }

    /// `0.4 ms`, `12.3 ms`, `1204 ms`.
    static func milliseconds(_ microseconds: Int64) -> String {
        let tenths = (microseconds + 50) / 100
        return tenths < 1_000 ? "\(tenths / 10).\(tenths % 10) ms" : "\(tenths / 10) ms"
    }

    private static func left(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
