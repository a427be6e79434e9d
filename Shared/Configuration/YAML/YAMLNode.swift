/// A place in a YAML text.
package struct YAMLMark: Sendable, Hashable {
    /// Counted from 1.
    package let line: Int
    /// In characters, counted from 1.
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// What a YAML text says, with the place of each part. Only what settings need: texts, lists and
/// mappings with text keys. Types come from the reader, which knows what it wants; so `no` is never
/// taken for false where a name is asked for.
package indirect enum YAMLNode: Sendable {
    /// `quoted` tells `"5"` from `5`.
    case scalar(String, quoted: Bool, YAMLMark)
    case sequence([YAMLNode], YAMLMark)
    /// In the order written; no key twice.
    case mapping([(key: String, keyMark: YAMLMark, value: YAMLNode)], YAMLMark)

    /// Where it begins.
    package var mark: YAMLMark {
        switch self {
        case .scalar(_, _, let mark), .sequence(_, let mark), .mapping(_, let mark): mark
        }
    }

    /// A key without a value, `~` or `null`.
    package var isNull: Bool {
        guard case .scalar(let text, quoted: false, _) = self else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// For messages: what it is, in an author's words.
    package var kind: String {
        switch self {
        case .scalar: isNull ? "empty" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
