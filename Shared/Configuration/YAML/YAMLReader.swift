import Basics

/// Typed reading of one node. It knows its file and its path, so every error says where.
package struct YAMLReader: Sendable {
    package let node: YAMLNode
    /// The file's name in error texts.
    package let name: String
    /// As in `limits[0].burst`; empty for the whole document.
    package let path: String
    /// Of the key that leads here, which is where an author looks.
    package let line: Int

    /// The longest value shown in an error text, in characters.
    private static let shownMax = 60

    package init(_ node: YAMLNode, name: String, path: String = "", line: Int? = nil) {
        self.node = node
        self.name = name
        self.path = path
        self.line = line ?? node.mark.line
    }

    /// A mistake in this value that only its reader can see.
    package func error(_ message: String, _ code: YAMLError.Code = .invalid) -> YAMLError {
        YAMLError(code, name: name, line: line, path: path, message)
    }

    /// The keys and values of a mapping; call `finish()` on it when all known keys were asked for.
    package func mapping() throws(YAMLError) -> YAMLMapping {
        guard case .mapping(let pairs, _) = node else {
            throw error("is \(node.kind); allowed is a mapping (key: value)")
        }
        return YAMLMapping(self, pairs)
    }

    /// The elements of a list of at most `max`.
    package func list(max: Int = 1_000) throws(YAMLError) -> [YAMLReader] {
        guard case .sequence(let elements, _) = node else {
            throw error("is \(node.kind); allowed is a list")
        }
        guard elements.count <= max else {
            throw error("has \(elements.count) elements; allowed are \(max)")
        }
        return elements.enumerated().map { index, element in
            YAMLReader(element, name: name, path: "\(path)[\(index)]", line: element.mark.line)
        }
    }

    /// Text of 1 to `max` bytes.
    package func text(max: Int = 4_096) throws(YAMLError) -> String {
        let (text, _) = try scalar("a text")
        guard !text.isEmpty, text.utf8.count <= max else {
            throw error(text.isEmpty ? "is empty" : "is longer than \(max) bytes, which is allowed")
        }
        return text
    }

    /// A whole number in decimal digits, not in quotes.
    package func integer(in range: ClosedRange<Int>) throws(YAMLError) -> Int {
        let allowed = "an integer from \(range.lowerBound) to \(range.upperBound)"
        let (text, quoted) = try scalar(allowed)
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        // A leading zero means octal to some readers of YAML and nothing to others.
        let isPlain = digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
            && (digits.count == 1 || !digits.hasPrefix("0"))
        guard !quoted, isPlain, let number = Int(text), range.contains(number) else {
            throw error("\(Self.quote(text)) is not \(allowed)")
        }
        return number
    }

    /// A decimal number such as `2` or `0.5`, not in quotes.
    package func number(in range: ClosedRange<Double>) throws(YAMLError) -> Double {
        let allowed = "a number from \(range.lowerBound) to \(range.upperBound)"
        let (text, quoted) = try scalar(allowed)
        let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x2e }
        guard !quoted, isPlain, let number = Double(text), range.contains(number) else {
            throw error("\(Self.quote(text)) is not \(allowed)")
        }
        return number
    }

    /// A whole number with its unit: `250us`, `20ms`, `5s`, `2m`, `1h`.
    package func duration(in range: ClosedRange<Duration>) throws(YAMLError) -> Duration {
        let allowed =
            "a duration from \(Self.shown(range.lowerBound)) to \(Self.shown(range.upperBound)), "
            + "such as 250ms, 5s or 2m"
        let (text, _) = try scalar(allowed)
        guard let duration = Self.duration(text), range.contains(duration) else {
            throw error("\(Self.quote(text)) is not \(allowed)")
        }
        return duration
    }

    /// `true` or `on`; `false` or `off`.
    package func flag() throws(YAMLError) -> Bool {
        let (text, quoted) = try scalar("true or false")
        switch text {
        case "true" where !quoted, "on" where !quoted: return true
        case "false" where !quoted, "off" where !quoted: return false
        default: throw error("\(Self.quote(text)) is not true or false")
        }
    }

    /// One of a list of words.
    package func choice(of allowed: [String]) throws(YAMLError) -> String {
        let list = "one of \(allowed.joined(separator: ", "))"
        let (text, _) = try scalar(list)
        guard allowed.contains(text) else {
            let hint = Nearest.word(to: text, in: allowed).map { " (did you mean \($0)?)" } ?? ""
            throw error("\(Self.quote(text)) is not \(list)\(hint)")
        }
        return text
    }

    /// One of the cases of an enumeration of texts.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ type: Choice.Type
    ) throws(YAMLError) -> Choice where Choice.RawValue == String {
        let text = try choice(of: type.allCases.map(\.rawValue))
        guard let choice = Choice(rawValue: text) else { throw error("is not allowed") }
        return choice
    }

    private func scalar(_ allowed: String) throws(YAMLError) -> (text: String, quoted: Bool) {
        guard !node.isNull else { throw error("has no value; allowed is \(allowed)", .missing) }
        guard case .scalar(let text, let quoted, _) = node else {
            throw error("is \(node.kind); allowed is \(allowed)")
        }
        return (text, quoted)
    }

    static func quote(_ text: String) -> String { "\"\(shown(text))\"" }

    /// Cut and on one line: an error text must not become longer than the file.
    static func shown(_ text: String) -> String {
        let line = text.unicodeScalars.prefix(shownMax).map { scalar in
            scalar.properties.generalCategory == .control ? " " : String(scalar)
        }.joined()
        return text.unicodeScalars.count > shownMax ? line + "…" : line
    }
}

extension YAMLReader {
    private static let units: [(suffix: String, microseconds: Int64)] = [
        ("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000),
    ]

    /// Nine digits at most: no unit makes that overflow.
    static func duration(_ text: String) -> Duration? {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }.count
        guard (1...9).contains(digits), let number = Int64(text.prefix(digits)),
            let unit = units.first(where: { $0.suffix == text.dropFirst(digits) })
        else { return nil }
        return .microseconds(number * unit.microseconds)
    }

    /// In the largest unit that leaves a whole number.
    static func shown(_ duration: Duration) -> String {
        let microseconds = duration.inMicroseconds
        guard microseconds != 0 else { return "0s" }
        let unit = units.last { microseconds % $0.microseconds == 0 } ?? units[0]
        return "\(microseconds / unit.microseconds)\(unit.suffix)"
    }
}
