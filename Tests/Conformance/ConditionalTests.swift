import Basics
import HTTP
import Testing

/// Conditional requests (RFC 9110 §13): a route with an entity tag and a date of last change.
@Suite(.serialized, .timeLimit(.minutes(1)))
struct ConditionalTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let what: String
        let fields: String
        let status: Int
        var method = "GET"
        var testDescription: String { what }

        init(_ what: String, _ fields: String, _ status: Int, method: String = "GET") {
            self.what = what
            self.fields = fields.isEmpty ? "" : fields + "\r\n"
            self.status = status
            self.method = method
        }
    }

    private static let before = "Sun, 01 Feb 2026 09:00:00 GMT"
    private static let changed = "Mon, 02 Feb 2026 10:00:00 GMT"
    private static let after = "Tue, 03 Feb 2026 11:00:00 GMT"

    static let rows: [Row] = [
        Row("no condition", "", 200),
        Row("the same tag", "If-None-Match: \"v1\"", 304),
        Row("the same tag, weak", "If-None-Match: W/\"v1\"", 304),
        Row("another tag", "If-None-Match: \"v2\"", 200),
        Row("a list with it", "If-None-Match: \"v0\", W/\"v1\"", 304),
        Row("a list in two lines", "If-None-Match: \"v0\"\r\nIf-None-Match: \"v1\"", 304),
        Row("a tag that contains a comma", "If-None-Match: \"v0,\"v1\"\"", 200),
        Row("a comma inside the quotes", "If-None-Match: \"a,b\", \"v1\"", 304),
        Row("any", "If-None-Match: *", 304),
        Row("without quotes", "If-None-Match: v1", 200),
        Row("w in lower case", "If-None-Match: w/\"v1\"", 200),
        Row("HEAD", "If-None-Match: \"v1\"", 304, method: "HEAD"),
        Row("changed since", "If-Modified-Since: \(before)", 200),
        Row("not changed since", "If-Modified-Since: \(changed)", 304),
        Row("not changed for long", "If-Modified-Since: \(after)", 304),
        Row("the obsolete form of 1985", "If-Modified-Since: Tuesday, 03-Feb-26 11:00:00 GMT", 304),
        Row("the form of asctime", "If-Modified-Since: Tue Feb  3 11:00:00 2026", 304),
        Row("a date to come", "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT", 200),
        Row("a bad date", "If-Modified-Since: yesterday", 200),
        Row("a date that does not exist", "If-Modified-Since: Mon, 30 Feb 2026 11:00:00 GMT", 200),
        Row("another zone", "If-Modified-Since: Tue, 03 Feb 2026 11:00:00 CET", 200),
        Row("an ISO date", "If-Modified-Since: 2026-02-03T11:00:00Z", 200),
        Row(
            "the date twice", "If-Modified-Since: \(after)\r\nIf-Modified-Since: \(after)", 200),
        Row("the tag beats the date", "If-None-Match: \"v2\"\r\nIf-Modified-Since: \(after)", 200),
        Row("and the other way round", "If-None-Match: \"v1\"\r\nIf-Modified-Since: \(before)", 304),
        Row("a bad tag beats it too", "If-None-Match: v1\r\nIf-Modified-Since: \(after)", 200),
        Row("Range is ignored", "Range: bytes=0-1", 200),
        Row("many ranges, too", "Range: bytes=\(times("0-,", 500))0-", 200),
        Row("If-Range as well", "Range: bytes=0-1\r\nIf-Range: \"v1\"", 200),
        Row("If-Match holds", "If-Match: \"v1\"", 200),
        Row("If-Match is strong", "If-Match: W/\"v1\"", 412),
        Row("If-Match fails", "If-Match: \"v2\"", 412),
        Row("If-Match any", "If-Match: *", 200),
        Row("If-Match comes first", "If-Match: \"v2\"\r\nIf-None-Match: \"v1\"", 412),
        Row("If-Unmodified-Since holds", "If-Unmodified-Since: \(changed)", 200),
        Row("If-Unmodified-Since fails", "If-Unmodified-Since: \(before)", 412),
        Row("If-Unmodified-Since, bad", "If-Unmodified-Since: never", 200),
        Row(
            "If-Match beats it", "If-Match: \"v1\"\r\nIf-Unmodified-Since: \(before)", 200),
    ]

    @Test(arguments: rows)
    func `H98: a conditional request`(_ row: Row) async throws {
        let validators = Validators(
            entityTag: EntityTag("v1"),
            lastModified: WallTime(iso8601: "2026-02-02T10:00:00.500Z"))
        try await withServer(routes: { router, _ in
            router.on(.get, "/page") { request in
                Response.text(200, "page", headers: ["cache-control": "no-cache"])
                    .answering(request, validators)
            }
        }) { running in
            let request = message(row.method, "/page", row.fields) + get("Connection: close\r\n")
            let said = try await running.exchange(latin1(request), isHead: row.method == "HEAD")
            #expect(said.statuses == [row.status, 200] && said.surplus.isEmpty)
            let answer = try #require(said.answers.first)
            guard row.status != 412 else { return }
            #expect(answer["etag"] == "\"v1\"" && answer["last-modified"] == Self.changed)
            #expect(answer["cache-control"] == "no-cache" && answer["content-range"] == nil)
            if row.status == 304 {
                #expect(answer["content-type"] == nil && answer.body.isEmpty)
            } else {
                #expect(answer.text == (row.method == "HEAD" ? "" : "page"))
            }
        }
    }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37.000000Z"),
        ("Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37.000000Z"),
        ("Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37.000000Z"),
        ("Wed Nov 16 08:49:37 1994", "1994-11-16T08:49:37.000000Z"),
        ("Thu, 29 Feb 2024 23:59:60 GMT", "2024-03-01T00:00:00.000000Z"),
        ("Friday, 01-Jan-70 00:00:00 GMT", "2070-01-01T00:00:00.000000Z"),
        ("Saturday, 01-Jan-77 00:00:00 GMT", "1977-01-01T00:00:00.000000Z"),
    ])
    func `H98: the three forms of a date are read`(text: String, time: String) throws {
        let now = try #require(WallTime(iso8601: "2026-02-02T10:00:00Z"))
        #expect(HTTPDate.parse(text, now: now)?.iso8601 == time)
    }

    @Test(arguments: [
        "", "GMT", "Sun, 06 Nov 1994 08:49:37", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 2026 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun,  06 Nov 1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:+7 GMT",
    ])
    func `H98: nothing else is a date`(text: String) {
        #expect(HTTPDate.parse(text) == nil)
    }
}
