/// The fields of a message in order of arrival. Names are case-insensitive and kept in lower case;
/// several lines of one name stay several.
///
/// A value is the field's bytes, one Unicode scalar below U+0100 for each byte, so obs-text
/// (RFC 9110 §5.5) passes through unchanged; the writers refuse anything else.
package struct Headers: Sendable {
    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    private enum Storage: Sendable {
        /// As they came: text is made for the fields that are asked for, and for no others.
        case received(HeadBuffer)
        case made([Field])
    }

    private var storage = Storage.made([])

    package init() {}

    package init(_ pairs: [(name: String, value: String)]) {
        for pair in pairs { add(pair.name, pair.value) }
    }

    init(received buffer: HeadBuffer) { storage = .received(buffer) }

    package var fields: [Field] {
        switch storage {
        case .made(let fields): fields
        case .received(let buffer):
            buffer.lines.map { Field(name: buffer.text($0.name), value: buffer.text($0.value)) }
        }
    }

    /// The first value of a name. Setting replaces every line of the name; nil removes them.
    package subscript(_ name: String) -> String? {
        get {
            switch storage {
            case .made(let fields): return fields.first { $0.name.equalsIgnoringCase(name) }?.value
            case .received(let buffer):
                guard buffer.mayHold(name) else { return nil }
                for line in buffer.lines where buffer.matches(line, name) {
                    return buffer.text(line.value)
                }
                return nil
            }
        }
        set {
            guard newValue != nil || contains(name) else { return }
            change { Self.set(&$0, name, newValue) }
        }
    }

    private static func set(_ fields: inout [Field], _ name: String, _ value: String?) {
        guard let value else { return fields.removeAll { $0.name.equalsIgnoringCase(name) } }
        let field = Field(name: Self.lowercased(name), value: value)
        guard let index = fields.firstIndex(where: { $0.name == field.name }) else {
            // Room for what the layers of middleware add.
            if fields.isEmpty { fields.reserveCapacity(4) }
            return fields.append(field)
        }
        fields[index] = field
        guard fields[(index + 1)...].contains(where: { $0.name == field.name }) else { return }
        let rest = fields[(index + 1)...].filter { $0.name != field.name }
        fields.replaceSubrange((index + 1)..., with: rest)
    }

    /// Nearly every name is written in lower case in the source.
    private static func lowercased(_ name: String) -> String {
        CharacterWord.isPlainName(name.utf8.span) ? name : name.lowercased()
    }

    package func values(_ name: String) -> [String] {
        switch storage {
        case .made(let fields):
            return fields.filter { $0.name.equalsIgnoringCase(name) }.map(\.value)
        case .received(let buffer):
            guard buffer.mayHold(name) else { return [] }
            var values: [String] = []
            for line in buffer.lines where buffer.matches(line, name) {
                values.append(buffer.text(line.value))
            }
            return values
        }
    }

    package func contains(_ name: String) -> Bool {
        switch storage {
        case .made(let fields): fields.contains { $0.name.equalsIgnoringCase(name) }
        case .received(let buffer):
            buffer.mayHold(name) && buffer.lines.contains { buffer.matches($0, name) }
        }
    }

    package mutating func add(_ name: String, _ value: String) {
        change { $0.append(Field(name: Self.lowercased(name), value: value)) }
    }

    package mutating func remove(_ name: String) { self[name] = nil }

    package mutating func removeAll(where matches: (String) -> Bool) {
        change { fields in fields.removeAll { matches($0.name) } }
    }

    /// The members of a comma-separated list over all lines of a name, trimmed, without empty ones.
    /// For names whose members are tokens, for example `Connection`.
    package func tokens(_ name: String) -> [String] {
        values(name).flatMap { line in
            line.split(separator: ",").map { $0.trimmingOptionalWhitespace.lowercased() }
                .filter { !$0.isEmpty }
        }
    }

    /// Changes the fields in place when nobody else holds them.
    private mutating func change(_ body: (inout [Field]) -> Void) {
        var changed = fields
        storage = .made([])
        body(&changed)
        storage = .made(changed)
    }
}

extension Headers: Equatable {
    package static func == (left: Headers, right: Headers) -> Bool { left.fields == right.fields }
}

extension Headers: Sequence {
    package func makeIterator() -> IndexingIterator<[Field]> { fields.makeIterator() }

    package var count: Int {
        switch storage {
        case .made(let fields): fields.count
        case .received(let buffer): buffer.lines.count
        }
    }

    package var isEmpty: Bool { count == 0 }
}

extension Headers: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        for (name, value) in elements { add(name, value) }
    }
}
