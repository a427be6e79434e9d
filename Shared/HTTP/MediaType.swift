/// A media type with its parameters (RFC 9110 §8.3.1), for example `application/json; charset=utf-8`.
package struct MediaType: Sendable, Equatable {
    /// A parameter; the value without the quotes it may have had.
    package struct Parameter: Sendable, Equatable {
        /// In lower case.
        package let name: String
        package let value: String
    }

    /// `type/subtype` in lower case.
    package let essence: String
    package let parameters: [Parameter]

    /// Nil for text that is no single media type, a list of two among them.
    package init?(_ text: String) {
        var scanner = Scanner(text)
        guard let type = scanner.token(), scanner.take(Character8.slash),
            let subtype = scanner.token()
        else { return nil }
        var parameters: [Parameter] = []
        while true {
            scanner.skipWhitespace()
            guard scanner.take(Character8.semicolon) else { break }
            scanner.skipWhitespace()
            // A semicolon may stand for nothing (RFC 9110 §5.6.6).
            guard let name = scanner.token() else { continue }
            guard scanner.take(Character8.equals), let value = scanner.token() ?? scanner.quoted()
            else { return nil }
            parameters.append(Parameter(name: name.lowercased(), value: value))
        }
        guard scanner.isAtEnd else { return nil }
        essence = "\(type)/\(subtype)".lowercased()
        self.parameters = parameters
    }

    /// The first value of a parameter.
    package subscript(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// JSON that we can read: `application/json` or a `+json` subtype, and no charset other than
    /// UTF-8, which JSON is between systems (RFC 8259 §8.1); another would be misread.
    package var isJSON: Bool {
        guard
            essence == "application/json"
                || essence.hasPrefix("application/") && essence.hasSuffix("+json")
        else { return false }
        return parameters.allSatisfy {
            $0.name != "charset" || $0.value.equalsIgnoringCase("utf-8")
        }
    }
}

extension Request {
    /// What a route that takes JSON demands (H97): 415 without a media type or with another one,
    /// 400 when two fields contradict each other.
    package func requireJSON() throws(Problem) {
        let lines = headers.values("content-type")
        guard lines.count <= 1 else {
            throw .badRequest("malformed_request", "The field content-type is repeated.")
        }
        guard let line = lines.first, let type = MediaType(line), type.isJSON else {
            throw Problem(
                status: 415, code: "unsupported_media_type",
                detail: "The body must be application/json.")
        }
    }
}

/// Reads a field value from left to right; shared by the grammars of this module.
struct Scanner {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = text[...].utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    mutating func skipWhitespace() {
        while let byte = rest.first, Character8.isWhitespace(byte) { rest.removeFirst() }
    }

    /// Nil, and nothing taken, where no token begins.
    mutating func token() -> String? { run(while: Character8.isToken) }

    /// The bytes that fit, at least one.
    mutating func run(while fits: (UInt8) -> Bool) -> String? {
        let run = rest.prefix(while: fits)
        guard !run.isEmpty else { return nil }
        rest = rest[run.endIndex...]
        return String(Substring(run))
    }

    /// A quoted string's content, with its escapes resolved (RFC 9110 §5.6.4).
    mutating func quoted() -> String? {
        guard take(Character8.quote) else { return nil }
        var content: [UInt8] = []
        while let byte = rest.popFirst() {
            if byte == Character8.quote { return String(decoding: content, as: UTF8.self) }
            guard byte == Character8.backslash else {
                content.append(byte)
                continue
            }
            guard let escaped = rest.popFirst() else { return nil }
            content.append(escaped)
        }
        return nil
    }
}
