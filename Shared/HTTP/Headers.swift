/// The fields of a message in order of arrival. Names are case-insensitive and kept in lower case;
/// several lines of one name stay several.
///
/// A value is the field's bytes, one Unicode scalar below U+0100 for each byte, so obs-text
/// (RFC 9110 §5.5) passes through unchanged; the writers refuse anything else.
package struct Headers: Sendable, Equatable {
    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    package private(set) var fields: [Field] = []

    package init() {}

    package init(_ pairs: [(name: String, value: String)]) {
        for pair in pairs { add(pair.name, pair.value) }
    }

    /// The first value of a name. Setting replaces every line of the name; nil removes them.
    package subscript(_ name: String) -> String? {
        get { fields.first { $0.name.equalsIgnoringCase(name) }?.value }
        set {
            let index = fields.firstIndex { $0.name.equalsIgnoringCase(name) }
            guard let newValue else {
                if index != nil { remove(name) }
                return
            }
            let field = Field(name: name.lowercased(), value: newValue)
            guard let index else { return fields.append(field) }
            fields[index] = field
            var seen = false
            fields.removeAll { other in
                guard other.name == field.name else { return false }
                defer { seen = true }
                return seen
            }
        }
    }

    package func values(_ name: String) -> [String] {
        fields.filter { $0.name.equalsIgnoringCase(name) }.map(\.value)
    }

    package func contains(_ name: String) -> Bool {
        fields.contains { $0.name.equalsIgnoringCase(name) }
    }

    package mutating func add(_ name: String, _ value: String) {
        fields.append(Field(name: name.lowercased(), value: value))
    }

    package mutating func remove(_ name: String) {
        fields.removeAll { $0.name.equalsIgnoringCase(name) }
    }

    package mutating func removeAll(where matches: (String) -> Bool) {
        fields.removeAll { matches($0.name) }
    }

    /// The members of a comma-separated list over all lines of a name, trimmed, without empty ones.
    /// For names whose members are tokens, for example `Connection`.
    package func tokens(_ name: String) -> [String] {
        values(name).flatMap { line in
            line.split(separator: ",").map { $0.trimmingOptionalWhitespace.lowercased() }
                .filter { !$0.isEmpty }
        }
    }
}

extension Headers: Sequence {
    package func makeIterator() -> IndexingIterator<[Field]> { fields.makeIterator() }
    package var count: Int { fields.count }
    package var isEmpty: Bool { fields.isEmpty }
}

extension Headers: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }
}
