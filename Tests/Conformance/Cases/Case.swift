import Testing

/// One row of the checklist as bytes: what a client sends on a fresh connection, the statuses it gets,
/// and whether the connection goes on.
struct Case: Sendable, CustomTestStringConvertible {
    /// What becomes of the connection after the case's last answer.
    enum After: Sendable { case kept, ended }

    let id: String
    let what: String
    let bytes: [UInt8]
    /// Of all answers, in order.
    let statuses: [Int]
    let after: After
    /// The first answer is one to HEAD: it has no body whatever it declares.
    var isHead = false

    init(_ id: String, _ what: String, _ text: String, _ statuses: [Int], _ after: After) {
        self.id = id
        self.what = what
        bytes = latin1(text)
        self.statuses = statuses
        self.after = after
    }

    /// Answered by a handler or by the router, and the connection goes on.
    static func kept(_ id: String, _ what: String, _ text: String, _ status: Int = 200) -> Case {
        Case(id, what, text, [status], .kept)
    }

    /// Answered, and then the connection ends.
    static func ended(_ id: String, _ what: String, _ text: String, _ status: Int = 200) -> Case {
        Case(id, what, text, [status], .ended)
    }

    /// Refused: one problem document, then the end.
    static func refused(_ id: String, _ what: String, _ text: String, _ status: Int = 400) -> Case {
        Case(id, what, text, [status], .ended)
    }

    /// Everything else the same, as answered to HEAD.
    var toHead: Case {
        var copy = self
        copy.isHead = true
        return copy
    }

    /// The client itself has asked for the end, with `Connection: close` or by HTTP/1.0: it must not send
    /// anything more (RFC 9112 §9.6). What it sends after the answer meets a closed connection.
    var isLastByItself: Bool { after == .ended && (statuses.last ?? 0) < 400 }

    var testDescription: String { "\(id): \(what)" }
}

/// One byte for each scalar, so that a table can hold any byte: `\u{80}` to `\u{ff}` are themselves.
func latin1(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
}

/// A request with `Host: t`; `fields` are whole lines with their line ends.
func message(
    _ method: String, _ target: String, _ fields: String = "", body: String = "",
    version: String = "HTTP/1.1"
) -> String {
    "\(method) \(target) \(version)\r\nHost: t\r\n\(fields)\r\n\(body)"
}

func get(_ fields: String = "", target: String = "/ok") -> String {
    message("GET", target, fields)
}

func post(_ fields: String = "", body: String = "", target: String = "/echo") -> String {
    message("POST", target, fields, body: body)
}

/// A chunked POST with this framed body.
func chunked(_ body: String, _ fields: String = "") -> String {
    post("Transfer-Encoding: chunked\r\n\(fields)", body: body)
}

func times(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

extension Case {
    /// Every case of the tables.
    static let all: [Case] =
        startLines + targets + hosts + fields + connections + lengths + codings + chunks + pipelines
}
