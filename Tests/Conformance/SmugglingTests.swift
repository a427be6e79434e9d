import HTTP
import Testing

/// Spellings of framing fields that some server somewhere has read another way than its proxy. Made
/// here from a few rules; each in the forms that smuggling uses: a length beside it, before and
/// after, and none. A strict server takes only the plain spelling, alone.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct SmugglingTests {
    /// A way to write a field line so that readers may differ.
    struct Mutation: Sendable, CustomTestStringConvertible {
        let what: String
        /// The whole line or lines, without the last CRLF.
        let line: String
        /// A plain coding written in an unusual way that the grammar allows.
        var isPlain = false
        var testDescription: String { what }
    }

    /// Bytes that get lost, or count as blanks, in lenient readers.
    private static let odd: [UInt8] =
        Array(0x00...0x08) + Array(0x0a...0x1f) + [0x22, 0x27, 0x2c, 0x3a, 0x3b, 0x5c, 0x5f, 0x7f, 0x85, 0xa0, 0xff]

    private static func mutations(of name: String, _ value: String) -> [Mutation] {
        var all: [Mutation] = []
        func add(_ what: String, _ line: String, isPlain: Bool = false) {
            all.append(Mutation(what: "\(name) \(what)", line: line, isPlain: isPlain))
        }
        for byte in odd {
            let hex = String(byte, radix: 16)
            let odd = String(Unicode.Scalar(byte))
            // An apostrophe or an underscore makes another name, which is nobody's framing.
            if byte != 0x27, byte != 0x5f {
                add("\(hex) before the name", "\(odd)\(name): \(value)")
                if byte != 0x3a { add("\(hex) behind the name", "\(name)\(odd): \(value)") }
            }
            add("\(hex) before the value", "\(name):\(odd)\(value)")
            add("\(hex) and SP before the value", "\(name): \(odd) \(value)")
            add("\(hex) behind the value", "\(name): \(value)\(odd)")
            add("\(hex) in the middle of the value", "\(name): \(value.prefix(1))\(odd)\(value.dropFirst(1))")
        }
        for (what, blank) in [("SP", " "), ("TAB", "\t"), ("SP TAB", " \t")] {
            add("\(what) before the name", "\(blank)\(name): \(value)")
            add("\(what) behind the name", "\(name)\(blank): \(value)")
            add("\(what) before the value", "\(name):\(blank)\(value)", isPlain: true)
            add("\(what) behind the value", "\(name): \(value)\(blank)", isPlain: true)
            add("folded with \(what)", "\(name):\r\n\(blank)\(value)")
            add("folded behind with \(what)", "\(name): \(value)\r\n\(blank)x")
            add("\(what) in the name", "\(name.prefix(3))\(blank)\(name.dropFirst(3)): \(value)")
        }
        add("twice", "\(name): \(value)\r\n\(name): \(value)")
        add("twice, once odd", "\(name): \(value)\r\n\(name): x")
        add("twice, odd first", "\(name): x\r\n\(name): \(value)")
        add("quoted", "\(name): \"\(value)\"")
        add("in apostrophes", "\(name): '\(value)'")
        add("as a list of two", "\(name): \(value), \(value)")
        add("with a parameter", "\(name): \(value);q=1")
        add("with an underscore", "\(name.map { $0 == "-" ? "_" : String($0) }.joined()): \(value)")
        add("without colon", "\(name) \(value)")
        add("two colons", "\(name):: \(value)")
        add("behind LF", "X: y\n\(name): \(value)")
        add("behind CR", "X: y\r\(name): \(value)")
        add("CR before CRLF", "\(name): \(value)\r")
        add("in upper case", "\(name.uppercased()): \(value.uppercased())", isPlain: true)
        add("in lower case", "\(name.lowercased()): \(value.lowercased())", isPlain: true)
        return all
    }

    static let codings =
        mutations(of: "Transfer-Encoding", "chunked")
        + ["identity", "x chunked", "chunked x", "cow", "gzip, chunked", "chunked, gzip", "chunked,cow",
           "cow,chunked", "identity, chunked", "chunked, identity", "chunked\u{0}identity", "deflate", "chunke",
           "chunkedd", "chunk", "{chunked}", "chunked=", "-chunked", "chun-ked", "chunked/1", "ch\u{16b}nked"]
        .map { Mutation(what: "coding \($0.debugDescription)", line: "Transfer-Encoding: \($0)") }

    static let lengths =
        mutations(of: "Content-Length", "5")
        + ["+5", "-5", "0x5", "5.", "5e0", "05", "5 5", "5,5", "5,6", "", "five", "5h", "\u{b2}", "0b101",
           "00000000000000000005", "18446744073709551621", "4294967301e", "1_0"]
        .map { Mutation(what: "length \($0.debugDescription)", line: "Content-Length: \($0)") }

    private static let body = "5\r\nhello\r\n0\r\n\r\n"
    private static let poison = get(target: "/poison")

    /// Alone, in front of a length and behind one; each with a request that would run if the length,
    /// or if the chunks were believed.
    private func forms(_ line: String) -> [String] {
        [
            post("\(line)\r\n", body: Self.body + Self.poison),
            post("\(line)\r\nContent-Length: 15\r\n", body: Self.body + Self.poison),
            post("Content-Length: \(Self.body.utf8.count + Self.poison.utf8.count)\r\n\(line)\r\n",
                 body: Self.body + Self.poison),
            message("GET", "/ok", "\(line)\r\nContent-Length: 4\r\n", body: Self.body + Self.poison),
        ]
    }

    @Test(arguments: codings)
    func `a Transfer-Encoding that is not plain is refused in every form (H47, H56-H61)`(
        _ mutation: Mutation
    ) {
        for (index, form) in forms(mutation.line).enumerated() {
            let said = ParserTranscript(latin1(form))
            if mutation.isPlain && index == 0 {
                #expect(said.completed == 2 && said.refusal == nil)
            } else {
                #expect(said.completed == 0, "form \(index): \(said)")
                #expect([400, 501].contains(said.refusal?.status))
            }
        }
    }

    @Test(arguments: lengths)
    func `a Content-Length that is not plain is refused in every form (H47, H49-H53)`(
        _ mutation: Mutation
    ) {
        let coding = "Transfer-Encoding: chunked\r\n"
        let plain = post("\(mutation.line)\r\n", body: "hello")
        let said = ParserTranscript(latin1(plain))
        #expect(said.completed == (mutation.isPlain ? 1 : 0))
        #expect(mutation.isPlain == (said.refusal == nil), "\(said)")
        for form in [
            post("\(mutation.line)\r\n\(coding)", body: Self.body + Self.poison),
            post("\(coding)\(mutation.line)\r\n", body: Self.body + Self.poison),
        ] {
            let said = ParserTranscript(latin1(form))
            #expect(said.completed == 0 && said.refusal?.status == 400, "\(said)")
        }
    }

    /// The same at the socket, for those that a proxy might send on: nothing hidden ever runs.
    @Test(arguments: (codings + lengths).enumerated().filter { $0.offset % 9 == 0 }.map(\.element))
    func `no mutation runs the hidden request`(_ mutation: Mutation) async throws {
        guard !mutation.isPlain else { return }
        try await withServer { running in
            for form in forms(mutation.line) {
                let said = try await running.exchange(form)
                #expect(said.statuses.count == 1 && !said.isReset)
                #expect([400, 501].contains(said.statuses.first))
            }
            #expect(running.handled.all.isEmpty)
        }
    }

    /// Two mutations at once (a careful generator's second order), by a seed.
    @Test func `pairs of mutations are refused as well`() {
        let pairs = zip(Self.codings, Self.lengths.reversed())
        for (coding, length) in pairs {
            let said = ParserTranscript(
                latin1(post("\(coding.line)\r\n\(length.line)\r\n", body: Self.body + Self.poison)))
            #expect(said.completed == 0 && said.refusal != nil, "\(coding.what), \(length.what): \(said)")
        }
    }
}
