import CYAML

/// One step of libyaml through a text, copied out of it.
struct YAMLEvent {
    enum Kind: Equatable {
        case streamStart, streamEnd
        /// True when it has `%` directives.
        case documentStart(hasDirectives: Bool)
        case documentEnd
        case alias
        case scalar(String, quoted: Bool)
        case sequenceStart, sequenceEnd, mappingStart, mappingEnd
    }

    let kind: Kind
    let mark: YAMLMark
    /// `&name` stands before it.
    let hasAnchor: Bool
    /// `!something` stands before it.
    let hasTag: Bool
}

/// Owner of one libyaml parser and of the bytes it reads: the only place that holds the pointers.
/// Used by one thread, within one call of `YAMLDocument.parse`.
@safe
final class YAMLEvents {
    struct Failure: Error {
        let message: String
        let line: Int
    }

    private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let isUsable: Bool

    init(_ text: String) {
        let bytes = Array(text.utf8)
        unsafe input = .allocate(capacity: max(1, bytes.count))
        _ = unsafe input.initialize(from: bytes)
        // Safe: libyaml clears the struct itself before it reads any of it.
        isUsable = unsafe yaml_parser_initialize(parser) == 1
        guard isUsable else { return }
        // Fixed, so that no byte order mark can turn the text into UTF-16.
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
    }

    deinit {
        if isUsable { unsafe yaml_parser_delete(parser) }
        unsafe parser.deallocate()
        unsafe input.deallocate()
    }

    /// The next event. After a failure or the end of the stream nothing more may be asked.
    func next() throws(Failure) -> YAMLEvent {
        guard isUsable else { throw Failure(message: "there is no memory for a parser", line: 0) }
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        // Safe: the event was filled by the parser and is freed once, after all was copied.
        defer { unsafe yaml_event_delete(&event) }
        return unsafe Self.copy(event)
    }

    private func failure() -> Failure {
        let state = unsafe parser.pointee
        var message = "it is not YAML"
        if let problem = unsafe state.problem { message = unsafe String(cString: problem) }
        guard unsafe state.error == YAML_READER_ERROR else {
            return Failure(message: message, line: Int(clamping: unsafe state.problem_mark.line) + 1)
        }
        // The reader is ahead of the scanner and has no mark; it tells how many bytes it had taken.
        let taken = unsafe input.prefix(Int(clamping: state.problem_offset))
        let feeds = unsafe taken.count { $0 == UInt8(ascii: "\n") }
        return Failure(message: message, line: feeds + 1)
    }

    /// Safe: which member of the union is set follows from the type.
    private static func copy(_ event: yaml_event_t) -> YAMLEvent {
        var hasAnchor = false
        var hasTag = false
        let kind: YAMLEvent.Kind
        switch unsafe event.type {
        case YAML_DOCUMENT_START_EVENT:
            let start = unsafe event.data.document_start
            let hasTags = unsafe start.tag_directives.start != start.tag_directives.end
            kind = .documentStart(
                hasDirectives: unsafe start.version_directive != nil || hasTags)
        case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
        case YAML_ALIAS_EVENT: kind = .alias
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            hasAnchor = unsafe scalar.anchor != nil
            hasTag = unsafe scalar.tag != nil
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: Int(scalar.length))
            kind = .scalar(
                unsafe String(decoding: bytes, as: UTF8.self),
                quoted: unsafe scalar.style != YAML_PLAIN_SCALAR_STYLE)
        case YAML_SEQUENCE_START_EVENT:
            hasAnchor = unsafe event.data.sequence_start.anchor != nil
            hasTag = unsafe event.data.sequence_start.tag != nil
            kind = .sequenceStart
        case YAML_MAPPING_START_EVENT:
            hasAnchor = unsafe event.data.mapping_start.anchor != nil
            hasTag = unsafe event.data.mapping_start.tag != nil
            kind = .mappingStart
        case YAML_SEQUENCE_END_EVENT: kind = .sequenceEnd
        case YAML_MAPPING_END_EVENT: kind = .mappingEnd
        case YAML_STREAM_START_EVENT: kind = .streamStart
        default: kind = .streamEnd
        }
        let mark = unsafe YAMLMark(
            line: Int(clamping: event.start_mark.line) + 1,
            column: Int(clamping: event.start_mark.column) + 1)
        return YAMLEvent(kind: kind, mark: mark, hasAnchor: hasAnchor, hasTag: hasTag)
    }
}
