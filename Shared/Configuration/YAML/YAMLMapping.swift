import Basics

/// The keys of one mapping. It remembers which keys were asked for, so that `finish` can refuse the
/// rest: a misspelt key must never be a default in disguise. Used by one thread.
package final class YAMLMapping {
    /// The mapping itself, for errors about the whole of it.
    package let reader: YAMLReader
    private let pairs: [(key: String, keyMark: YAMLMark, value: YAMLNode)]
    private var known: [String] = []

    init(_ reader: YAMLReader, _ pairs: [(key: String, keyMark: YAMLMark, value: YAMLNode)]) {
        self.reader = reader
        self.pairs = pairs
    }

    /// Every key as written, in order, each counted as known: for mappings from names to things.
    package func entries() -> [(key: String, value: YAMLReader)] {
        known += pairs.map(\.key)
        return pairs.map { ($0.key, child($0.key, $0.keyMark, $0.value)) }
    }

    /// The value of a key that may be left out.
    package func optional(_ key: String) -> YAMLReader? {
        known.append(key)
        return pairs.first { $0.key == key }.map { child(key, $0.keyMark, $0.value) }
    }

    /// The value of a key that must be there.
    package func required(_ key: String) throws(YAMLError) -> YAMLReader {
        guard let reader = optional(key) else {
            // A misspelt key is the likely reason, and the better news.
            try refuseMisspelt(key)
            throw reader.error("the key \"\(key)\" is missing", .missing)
        }
        return reader
    }

    /// A text that must be there.
    package func text(_ key: String) throws(YAMLError) -> String { try required(key).text() }

    /// A text, or its default.
    package func text(_ key: String, default fallback: String) throws(YAMLError) -> String {
        try optional(key)?.text() ?? fallback
    }

    /// A whole number within limits; without a default it must be there.
    package func integer(
        _ key: String, default fallback: Int? = nil, in range: ClosedRange<Int>
    ) throws(YAMLError) -> Int {
        if let fallback { return try optional(key)?.integer(in: range) ?? fallback }
        return try required(key).integer(in: range)
    }

    /// A decimal number within limits; without a default it must be there.
    package func number(
        _ key: String, default fallback: Double? = nil, in range: ClosedRange<Double>
    ) throws(YAMLError) -> Double {
        if let fallback { return try optional(key)?.number(in: range) ?? fallback }
        return try required(key).number(in: range)
    }

    /// From a millisecond to a day unless other limits are given.
    package func duration(
        _ key: String, default fallback: Duration? = nil,
        in range: ClosedRange<Duration> = .milliseconds(1)...(.seconds(86_400))
    ) throws(YAMLError) -> Duration {
        if let fallback { return try optional(key)?.duration(in: range) ?? fallback }
        return try required(key).duration(in: range)
    }

    /// `true` or `on`, `false` or `off`, or the default.
    package func flag(_ key: String, default fallback: Bool) throws(YAMLError) -> Bool {
        try optional(key)?.flag() ?? fallback
    }

    /// One of an enumeration's texts; without a default it must be there.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, default fallback: Choice? = nil, of type: Choice.Type
    ) throws(YAMLError) -> Choice where Choice.RawValue == String {
        if let fallback { return try optional(key)?.choice(type) ?? fallback }
        return try required(key).choice(type)
    }

    /// A list that must be there.
    package func list(_ key: String, max: Int = 1_000) throws(YAMLError) -> [YAMLReader] {
        try required(key).list(max: max)
    }

    /// A list, or nothing.
    package func optionalList(_ key: String, max: Int = 1_000) throws(YAMLError) -> [YAMLReader] {
        try optional(key)?.list(max: max) ?? []
    }

    /// Refuses the first key nobody asked for. To be called when all were.
    package func finish() throws(YAMLError) {
        guard let stranger = pairs.first(where: { !known.contains($0.key) }) else { return }
        let allowed = known.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        let near = Nearest.word(to: stranger.key, in: allowed)
        let hint = near.map { "did you mean \"\($0)\"? Allowed" } ?? "allowed"
        throw child(stranger.key, stranger.keyMark, stranger.value).error(
            "is not a known key; \(hint) are: \(allowed.joined(separator: ", "))", .unknownKey)
    }

    private func refuseMisspelt(_ key: String) throws(YAMLError) {
        let strangers = pairs.filter { !known.contains($0.key) }
        guard let near = Nearest.word(to: key, in: strangers.map(\.key)),
            let pair = strangers.first(where: { $0.key == near })
        else { return }
        throw child(pair.key, pair.keyMark, pair.value).error(
            "is not a known key; did you mean \"\(key)\"?", .unknownKey)
    }

    private func child(_ key: String, _ mark: YAMLMark, _ value: YAMLNode) -> YAMLReader {
        let shown = YAMLReader.shown(key)
        return YAMLReader(
            value, name: reader.name, path: reader.path.isEmpty ? shown : "\(reader.path).\(shown)",
            line: mark.line)
    }
}

/// Finds what somebody probably meant.
enum Nearest {
    /// Longer words are not compared: the work grows with both lengths.
    private static let lengthMax = 64

    /// The closest of `words` when it takes about a third of the letters to change.
    static func word(to text: String, in words: [String]) -> String? {
        let given = Array(text.lowercased().utf8)
        guard !given.isEmpty, given.count <= lengthMax else { return nil }
        var best: (word: String, distance: Int)?
        for word in words where word.utf8.count <= lengthMax {
            let distance = distance(given, Array(word.lowercased().utf8))
            if distance < best?.distance ?? Int.max { best = (word, distance) }
        }
        guard let best, best.distance <= max(1, (given.count + 1) / 3) else { return nil }
        return best.word
    }

    /// Levenshtein's: letters to insert, remove or replace.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (letter == other ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
