import HTTP
import Testing

/// Each limit of `HTTPLimits`, at its value and one beyond.
@Suite struct ParserLimitTests {
    struct Limit: Sendable, CustomTestStringConvertible {
        let name: String
        let set: @Sendable (inout HTTPLimits) -> Void
        let fits: String
        let beyond: String
        let status: Int
        var testDescription: String { name }
    }

    private static let head = "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"

    static let all: [Limit] = [
        Limit(
            name: "H15 startLineMax", set: { $0.startLineMax = 16 },
            fits: "GET /ab HTTP/1.1\r\nHost: t\r\n\r\n",
            beyond: "GET /abc HTTP/1.1\r\nHost: t\r\n\r\n", status: 414),
        Limit(
            name: "H13 methodMax", set: { $0.methodMax = 4 }, fits: "ABCD / HTTP/1.1\r\nHost: t\r\n\r\n",
            beyond: "ABCDE / HTTP/1.1\r\nHost: t\r\n\r\n", status: 501),
        Limit(
            name: "H36 fieldLineMax", set: { $0.fieldLineMax = 10 },
            fits: "GET / HTTP/1.1\r\nHost: t\r\nX: 4567890\r\n\r\n",
            beyond: "GET / HTTP/1.1\r\nHost: t\r\nX: 45678901\r\n\r\n", status: 431),
        Limit(
            name: "H36 sectionMax", set: { $0.sectionMax = 20 },
            fits: "GET / HTTP/1.1\r\nHost: t\r\nX: 456789\r\n\r\n",
            beyond: "GET / HTTP/1.1\r\nHost: t\r\nX: 4567890123\r\n\r\n", status: 431),
        Limit(
            name: "H36 fieldsMax", set: { $0.fieldsMax = 2 },
            fits: "GET / HTTP/1.1\r\nHost: t\r\nX: 1\r\n\r\n",
            beyond: "GET / HTTP/1.1\r\nHost: t\r\nX: 1\r\nX: 2\r\n\r\n", status: 431),
        Limit(
            name: "H54 bodyMax, declared", set: { $0.bodyMax = 3 },
            fits: "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc",
            beyond: "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nabcd", status: 413),
        Limit(
            name: "H78 bodyMax, in chunks", set: { $0.bodyMax = 3 },
            fits: head + "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            beyond: head + "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", status: 413),
        Limit(
            name: "H77 trailersMax", set: { $0.trailersMax = 20 },
            fits: head + "0\r\nX: 1\r\nY: 456789\r\n\r\n",
            beyond: head + "0\r\nX: 1\r\nY: 45678901234567\r\n\r\n", status: 431),
        Limit(
            name: "H77 fieldsMax of trailers", set: { $0.fieldsMax = 2 },
            fits: head + "0\r\nX: 1\r\nX: 2\r\n\r\n",
            beyond: head + "0\r\nX: 1\r\nX: 2\r\nX: 3\r\n\r\n", status: 431),
        Limit(
            name: "H72 chunkExtensionMax", set: { $0.chunkExtensionMax = 4 },
            fits: head + "1;abc\r\nx\r\n0\r\n\r\n", beyond: head + "1;abcd\r\nx\r\n0\r\n\r\n",
            status: 400),
        Limit(
            name: "H72 chunkExtensionsMax", set: { $0.chunkExtensionsMax = 8 },
            fits: head + "1;abc\r\nx\r\n1;abc\r\nx\r\n0\r\n\r\n",
            beyond: head + "1;abc\r\nx\r\n1;abcd\r\nx\r\n0\r\n\r\n", status: 400),
        Limit(
            name: "H3 blankLinesMax", set: { $0.blankLinesMax = 1 },
            fits: "\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n",
            beyond: "\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n", status: 400),
    ]

    @Test(arguments: all)
    func `a limit holds at its value and refuses one beyond`(_ limit: Limit) {
        var limits = HTTPLimits.standard
        limit.set(&limits)
        let fits = ParserTranscript([latin1(limit.fits)[...]], limits: limits)
        #expect(fits.refusal == nil && fits.completed == 1)
        let beyond = ParserTranscript([latin1(limit.beyond)[...]], limits: limits)
        #expect(beyond.refusal?.status == limit.status && beyond.completed == 0)
        let bytewise = ParserTranscript(
            latin1(limit.beyond).map { ArraySlice([$0]) }, limits: limits)
        #expect(bytewise == beyond)
    }

    @Test func `H78: framing may weigh so much more than the data, and no more`() {
        var limits = HTTPLimits.standard
        limits.chunkOverheadMax = 100
        let few = Self.head + times("1\r\nx\r\n", 60) + "0\r\n\r\n"
        #expect(ParserTranscript([latin1(few)[...]], limits: limits).completed == 1)
        let many = Self.head + times("1\r\nx\r\n", 200) + "0\r\n\r\n"
        #expect(ParserTranscript([latin1(many)[...]], limits: limits).refusal?.status == 400)
        // Ordinary small chunks are fine for ever.
        let fine = Self.head + times("10\r\n0123456789abcdef\r\n", 2_000) + "0\r\n\r\n"
        #expect(ParserTranscript([latin1(fine)[...]], limits: limits).completed == 1)
    }

    @Test func `the defaults are those of the checklist`() {
        let limits = HTTPLimits.standard
        #expect(limits.startLineMax == 16 * 1_024 && limits.methodMax == 32)
        #expect(limits.fieldLineMax == 8 * 1_024 && limits.sectionMax == 16 * 1_024)
        #expect(limits.fieldsMax == 100 && limits.bodyMax == 1 << 20 && limits.trailersMax == 8 * 1_024)
        #expect(limits.chunkExtensionMax == 4 * 1_024 && limits.chunkExtensionsMax == 16 * 1_024)
        #expect(limits.blankLinesMax == 2)
    }
}
