import Foundation

/// One trace as Jaeger's query API tells it (`/api/traces`).
package struct JaegerTrace: Sendable, Decodable {
    package let traceID: String
    package let spans: [Span]
    private let processes: [String: Process]

    private struct Process: Sendable, Decodable { let serviceName: String }

    package struct Span: Sendable, Decodable {
        package let spanID: String
        package let operationName: String
        /// Microseconds since 1970, and microseconds.
        package let startTime: Int64
        package let duration: Int64
        let processID: String
        let references: [Reference]?
        let tags: [Tag]?
        /// Jaeger's own remarks, for example about a clock.
        package let warnings: [String]?

        package var end: Int64 { startTime + duration }

        package func tag(_ name: String) -> String? { tags?.first { $0.key == name }?.value }

        /// The span that this one is a part of, or follows.
        package var parentID: String? {
            (references?.first { $0.refType == "CHILD_OF" } ?? references?.first)?.spanID
        }

        /// What failed, in its own words; nil for a span that did not.
        package var failure: String? {
            guard tag("error") == "true" || tag("otel.status_code") == "ERROR" else { return nil }
            return tag("otel.status_description") ?? tag("exception.type") ?? tag("error.type") ?? "failed"
        }
    }

    struct Reference: Sendable, Decodable {
        let refType: String
        let spanID: String
    }

    /// Values are texts, numbers or truth values; people read all of them as text.
    struct Tag: Sendable, Decodable {
        let key: String
        let value: String

        private enum Keys: String, CodingKey { case key, value }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Keys.self)
            key = try values.decode(String.self, forKey: .key)
            // Ignored: each kind is tried in turn; one of them fits.
            if let text = try? values.decode(String.self, forKey: .value) {
                value = text
            } else if let flag = try? values.decode(Bool.self, forKey: .value) {  // Ignored: as above.
                value = String(flag)
            } else if let number = try? values.decode(Int64.self, forKey: .value) {  // Ignored: as above.
                value = String(number)
            } else {
                value = String(try values.decode(Double.self, forKey: .value))
            }
        }
    }

    package func service(of span: Span) -> String { processes[span.processID]?.serviceName ?? "?" }

    package var services: Set<String> { Set(spans.map { service(of: $0) }) }

    /// Spans without a parent: a whole trace has one.
    package var roots: [Span] { spans.filter { $0.parentID == nil } }

    /// Spans whose parent is not here: lost, or still on its way.
    package var orphans: [Span] {
        let known = Set(spans.map(\.spanID))
        return spans.filter { span in span.parentID.map { !known.contains($0) } ?? false }
    }
}
