/// The segments of a route: `/v1/orders/{id}/events`, `/admin/{service}/{rest...}`.
struct RoutePattern: Sendable, Hashable {
    enum Segment: Sendable, Hashable {
        case literal(String)
        case parameter(String)
        /// The last segment only: one or more segments of the path.
        case rest(String)

        /// Literals come before parameters, parameters before the rest.
        fileprivate var rank: Int {
            switch self {
            case .literal: 0
            case .parameter: 1
            case .rest: 2
            }
        }
    }

    let text: String
    private let segments: [Segment]

    init(_ text: String) {
        precondition(text.hasPrefix("/"), "a route pattern begins with a slash")
        self.text = text
        segments = Self.split(text).map { part in
            guard part.hasPrefix("{"), part.hasSuffix("}") else { return .literal(String(part)) }
            let name = part.dropFirst().dropLast()
            return name.hasSuffix("...") ? .rest(String(name.dropLast(3))) : .parameter(String(name))
        }
        precondition(
            segments.dropLast().allSatisfy { $0.rank < 2 }, "the rest comes last in a pattern")
    }

    /// `/` has no segment; a trailing slash is an empty last one, so `/a/` is not `/a`.
    ///
    /// By bytes, never by `Character`: a combining mark after the first slash would be part of it,
    /// and dropped with it, so that the router read another path than everybody else.
    static func split(_ path: String) -> [Substring] {
        let bytes = path.utf8.dropFirst()
        guard !bytes.isEmpty else { return [] }
        return bytes.split(separator: Character8.slash, omittingEmptySubsequences: false)
            .map { Substring($0) }
    }

    /// The parameters when the path fits. A parameter is never empty.
    func match(_ path: [Substring]) -> [String: String]? {
        var parameters: [String: String] = [:]
        for (index, segment) in segments.enumerated() {
            guard index < path.count else { return nil }
            switch segment {
            case .literal(let text):
                // Not `==`, for which U+212A (kelvin) is the letter K.
                guard path[index].utf8.elementsEqual(text.utf8) else { return nil }
            case .parameter(let name):
                guard !path[index].isEmpty else { return nil }
                parameters[name] = String(path[index])
            case .rest(let name):
                parameters[name] = path[index...].joined(separator: "/")
                return parameters
            }
        }
        return path.count == segments.count ? parameters : nil
    }

    func isMoreSpecific(than other: RoutePattern) -> Bool {
        for (mine, theirs) in zip(segments, other.segments) where mine.rank != theirs.rank {
            return mine.rank < theirs.rank
        }
        return false
    }
}
