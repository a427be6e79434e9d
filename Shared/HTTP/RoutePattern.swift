/// The segments of a route: `/v1/orders/{id}/events`, `/admin/{service}/{rest...}`.
struct RoutePattern: Sendable, Hashable {
    enum Segment: Sendable, Hashable {
        case literal([UInt8])
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
    /// The one path that fits a pattern without parameters, canonical; nil with them.
    let onlyPath: [UInt8]?

    init(_ text: String) {
        precondition(text.hasPrefix("/"), "a route pattern begins with a slash")
        self.text = text
        let parts = text.utf8.dropFirst().isEmpty
            ? [] : text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        segments = parts.map { part in
            guard part.hasPrefix("{"), part.hasSuffix("}") else {
                return .literal(Array(part.utf8))
            }
            let name = part.dropFirst().dropLast()
            return name.hasSuffix("...") ? .rest(String(name.dropLast(3))) : .parameter(String(name))
        }
        onlyPath = segments.contains { $0.rank > 0 } ? nil : Array(text.utf8)
        precondition(
            segments.dropLast().allSatisfy { $0.rank < 2 }, "the rest comes last in a pattern")
    }

    /// Whether a canonical path fits. `/` has no segment; a trailing slash is an empty last one, so
    /// `/a/` is not `/a`. A parameter is never empty.
    ///
    /// By bytes, never by `Character`: a combining mark after the first slash would be part of it,
    /// and dropped with it, so that the router read another path than everybody else. Nor by `==`,
    /// for which U+212A (kelvin) is the letter K.
    func matches(_ path: ArraySlice<UInt8>) -> Bool {
        var rest = PathSegments(path)
        for segment in segments {
            guard let part = rest.next() else { return false }
            switch segment {
            case .literal(let literal): guard part.elementsEqual(literal) else { return false }
            case .parameter: guard !part.isEmpty else { return false }
            case .rest: return true
            }
        }
        return rest.next() == nil
    }

    /// The parameters of a path that fits.
    func parameters(of path: ArraySlice<UInt8>) -> [String: String] {
        guard onlyPath == nil else { return [:] }
        var found: [String: String] = [:]
        var rest = PathSegments(path)
        for segment in segments {
            guard let part = rest.next() else { return found }
            switch segment {
            case .literal: break
            case .parameter(let name): found[name] = String(decoding: part, as: UTF8.self)
            case .rest(let name):
                found[name] = String(decoding: path[part.startIndex...], as: UTF8.self)
            }
        }
        return found
    }

    func isMoreSpecific(than other: RoutePattern) -> Bool {
        for (mine, theirs) in zip(segments, other.segments) where mine.rank != theirs.rank {
            return mine.rank < theirs.rank
        }
        return false
    }
}

/// The parts of a path between its slashes, without making an array of them.
private struct PathSegments: IteratorProtocol {
    private let path: ArraySlice<UInt8>
    /// The start of the next part; nil at the end.
    private var position: Int?

    init(_ path: ArraySlice<UInt8>) {
        self.path = path
        position = path.count > 1 ? path.startIndex + 1 : nil
    }

    mutating func next() -> ArraySlice<UInt8>? {
        guard let start = position else { return nil }
        guard let end = path[start...].firstIndex(of: Character8.slash) else {
            position = nil
            return path[start...]
        }
        position = end + 1
        return path[start..<end]
    }
}
