/// One field line; the only place where names and values reach the wire.
enum FieldWriter {
    /// The most bytes that a line takes: a value beyond ASCII is shorter on the wire than in UTF-8.
    static func capacity(of name: String, _ value: String) -> Int {
        name.utf8.count + value.utf8.count + 4
    }

    /// The most bytes that the lines of all fields take.
    static func capacity(of fields: [Headers.Field]) -> Int {
        let fields = fields.span
        var capacity = 0
        for index in fields.indices {
            capacity += Self.capacity(of: fields[index].name, fields[index].value)
        }
        return capacity
    }

    static func write(_ name: String, _ value: String, to head: inout OutputSpan<UInt8>)
        throws(WriteError)
    {
        let nameBytes = name.utf8.span
        guard isToken(nameBytes) else {
            throw WriteError(detail: "a header name is not a token")
        }
        head.append(nameBytes)
        head.append(Character8.colon)
        head.append(Character8.space)
        let valueBytes = value.utf8.span
        if CharacterWord.isPlain(valueBytes) {
            head.append(valueBytes)
        } else {
            try writeScalars(of: value, named: name, to: &head)
        }
        head.append(Character8.cr)
        head.append(Character8.lf)
    }

    /// `content-length`, which no handler's text goes into.
    static func writeLength(_ length: Int, to head: inout OutputSpan<UInt8>) {
        head.append("content-length: " as StaticString)
        head.append(decimal: length)
        head.append("\r\n" as StaticString)
    }

    private static func isToken(_ bytes: Span<UInt8>) -> Bool {
        if CharacterWord.isPlainName(bytes) { return !bytes.isEmpty }
        for index in bytes.indices where !Character8.isToken(bytes[index]) { return false }
        return true
    }

    /// obs-text: one byte for each scalar (H34).
    private static func writeScalars(
        of value: String, named name: String, to head: inout OutputSpan<UInt8>
    ) throws(WriteError) {
        for scalar in value.unicodeScalars {
            guard scalar.value <= 0xff, let byte = UInt8(exactly: scalar.value),
                !Character8.isControl(byte)
            else {
                throw WriteError(detail: "the header \(name) holds a character it must not")
            }
            head.append(byte)
        }
    }
}

extension OutputSpan<UInt8> {
    /// A constant of the program; where its length is known it is a store or two.
    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ text: String) { append(text.utf8.span) }

    mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { append($0) }
    }

    @inline(__always)
    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        // The precondition bounds both ends: what is copied, and the room behind what is there.
        precondition(bytes.count <= freeCapacity, "the head is longer than it was measured")
        withUnsafeMutableBufferPointer { memory, count in
            guard let from = bytes.baseAddress, let to = memory.baseAddress else { return }
            (to + count).initialize(from: from, count: bytes.count)
            count += bytes.count
        }
    }

    mutating func append(decimal number: Int) {
        if number >= 10 { append(decimal: number / 10) }
        append(0x30 + UInt8(truncatingIfNeeded: number % 10))
    }
}
