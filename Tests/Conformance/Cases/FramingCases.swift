extension Case {
    private static func length(_ value: String, body: String = "hello") -> String {
        post("Content-Length:\(value)\r\n", body: body)
    }

    private static func coding(_ value: String, _ more: String = "") -> String {
        post("Transfer-Encoding:\(value)\r\n\(more)", body: "5\r\nhello\r\n0\r\n\r\n")
    }

    /// A request that hides behind another one's boundary.
    private static let hidden = "GET /poison HTTP/1.1\r\nHost: t\r\n\r\n"

    /// H47–H54 and H62–H64: Content-Length and its absence (RFC 9112 §6).
    static let lengths: [Case] = [
        .refused("H47", "CL, then TE", post(
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", body: "0\r\n\r\n")),
        .refused("H47", "TE, then CL", post(
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", body: "0\r\n\r\n")),
        .refused("H47", "TE, then CL 0", post(
            "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", body: "0\r\n\r\n")),
        .refused("H47", "far apart", post(
            "Content-Length: 5\r\nX: y\r\ntransfer-encoding: chunked\r\n", body: "0\r\n\r\n")),
        .refused("H48", "hidden behind the chunks", post(
            "Content-Length: \(5 + hidden.utf8.count)\r\nTransfer-Encoding: chunked\r\n",
            body: "0\r\n\r\n\(hidden)")),
        .refused("H48", "hidden behind the length", post(
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            body: "\(String(hidden.utf8.count, radix: 16))\r\n\(hidden)\r\n0\r\n\r\n")),
        .refused("H48", "hidden in GET", message(
            "GET", "/ok", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            body: "0\r\n\r\n\(hidden)")),
        .refused("H49", "two, different", post(
            "Content-Length: 5\r\nContent-Length: 6\r\n", body: "hello")),
        .refused("H49", "two, different, apart", post(
            "Content-Length: 0\r\nX: y\r\nContent-Length: 5\r\n", body: "hello")),
        .refused("H50", "two, equal", post(
            "Content-Length: 5\r\nContent-Length: 5\r\n", body: "hello")),
        .refused("H50", "a list of equal ones", length(" 5, 5")),
        .refused("H50", "a list of different ones", length(" 5,6")),
        .refused("H51", "plus", length(" +5")),
        .refused("H51", "minus zero", length(" -0")),
        .refused("H51", "minus", length(" -5")),
        .refused("H51", "0x", length(" 0x5")),
        .refused("H51", "0o", length(" 0o5")),
        .refused("H51", "an underscore", length(" 5_0")),
        .refused("H51", "quotes", length(" \"5\"")),
        .refused("H51", "a blank inside", length(" \"5 5\"")),
        .refused("H51", "two numbers", length(" 5 5")),
        .refused("H51", "a semicolon", length(" 5;")),
        .refused("H51", "a fraction", length(" 5.0")),
        .refused("H51", "an exponent", length(" 5e0")),
        .refused("H51", "empty", length("")),
        .refused("H51", "blank", length(" \t")),
        .refused("H51", "letters", length(" five")),
        .refused("H51", "digits that are not ASCII", length(" \u{b2}")),
        .refused("H51", "full-width digits", length(" \u{ef}\u{bc}\u{95}")),
        .refused("H51", "NUL behind", length(" 5\u{0}")),
        .refused("H52", "0005", length(" 0005")),
        .refused("H52", "00", length(" 00", body: "")),
        .kept("H52", "0 is fine", length(" 0", body: "")),
        .refused("H53", "2^63", length(" 9223372036854775808")),
        .refused("H53", "2^64", length(" 18446744073709551616")),
        .refused("H53", "2^64 + 5", length(" 18446744073709551621")),
        .refused("H53", "40 digits", length(" \(times("9", 40))")),
        .refused("H54", "over the route's limit", post(
            "Content-Length: 11\r\n", body: "hello", target: "/small"), 413),
        .refused("H54", "over the route's limit, unread", post(
            "Content-Length: 9223372036854775807\r\n", target: "/small"), 413),
        .refused("H54", "over the default limit", post("Content-Length: 1048577\r\n"), 413),
        .kept("H54", "at the route's limit", post(
            "Content-Length: 10\r\n", body: "0123456789", target: "/small")),
        .kept("H62", "POST with neither", post()),
        .kept("H63", "GET with a body", message(
            "GET", "/ok", "Content-Length: 5\r\n", body: "hello")),
        .kept("H63", "GET with chunks", message(
            "GET", "/ok", "Transfer-Encoding: chunked\r\n", body: "5\r\nhello\r\n0\r\n\r\n")),
        .kept("H63", "HEAD with a body", message(
            "HEAD", "/ok", "Content-Length: 5\r\n", body: "hello")).toHead,
        .kept("H63", "DELETE with a body", message(
            "DELETE", "/echo", "Content-Length: 5\r\n", body: "hello")),
        .kept("H63", "OPTIONS with a body", message(
            "OPTIONS", "/ok", "Content-Length: 5\r\n", body: "hello"), 204),
        .kept("H63", "a body that looks like a request", message(
            "GET", "/ok", "Content-Length: \(hidden.utf8.count)\r\n", body: hidden)),
        Case("H64", "junk behind length 0", post(
            "Content-Length: 0\r\n", body: "junk\r\n\r\n"), [200, 400], .ended),
        Case("H64", "more than the length", post(
            "Content-Length: 5\r\n", body: "hello, world\r\n\r\n"), [200, 400], .ended),
    ]

    /// H55–H61: Transfer-Encoding (RFC 9112 §6.1, §7).
    static let codings: [Case] = [
        .refused("H55", "chunked in 1.0",
                 "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        .refused("H55", "both in 1.0",
                 "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        .refused("H55", "another coding in 1.0",
                 "POST /echo HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n"),
        .refused("H56", "gzip", coding(" gzip"), 501),
        .refused("H56", "foo", coding(" foo"), 501),
        .refused("H56", "identity", coding(" identity"), 501),
        .refused("H56", "xchunked", coding(" xchunked"), 501),
        .refused("H56", "chunkedx", coding(" chunkedx"), 501),
        .refused("H56", "gzip and a length", coding(" gzip", "Content-Length: 5\r\n")),
        .refused("H56", "identity and a length", coding(" identity", "Content-Length: 5\r\n")),
        .refused("H57", "chunked, gzip", coding(" chunked, gzip")),
        .refused("H57", "chunked, identity", coding(" chunked, identity")),
        .refused("H58", "gzip, chunked", coding(" gzip, chunked"), 501),
        .refused("H58", "identity, chunked", coding(" identity, chunked"), 501),
        .refused("H59", "chunked, chunked", coding(" chunked, chunked")),
        .refused("H59", "two lines", coding(" chunked", "Transfer-Encoding: chunked\r\n")),
        .refused("H59", "two lines, one unknown", coding(" chunked", "Transfer-Encoding: cow\r\n")),
        .refused("H59", "two lines, gzip first", coding(" gzip", "Transfer-Encoding: chunked\r\n")),
        .kept("H60", "Chunked", coding(" Chunked")),
        .kept("H60", "CHUNKED", coding(" CHUNKED")),
        .kept("H60", "TAB before", coding("\tchunked")),
        .kept("H60", "no OWS", coding("chunked")),
        .kept("H60", "OWS behind", coding(" chunked \t ")),
        .kept("H60", "the name in lower case", post(
            "transfer-encoding: chunked\r\n", body: "5\r\nhello\r\n0\r\n\r\n")),
        .refused("H61", "empty", coding("")),
        .refused("H61", "a comma before", coding(" ,chunked")),
        .refused("H61", "a comma behind", coding(" chunked,")),
        .refused("H61", "a comma alone", coding(" ,")),
        .refused("H61", "a parameter", coding(" chunked;q=1")),
        .refused("H61", "quotes", coding(" \"chunked\"")),
        .refused("H61", "apostrophes around a list", coding(" 'chunked', \"x\"")),
        .refused("H61", "VT before", coding("\u{b}chunked")),
        .refused("H61", "FF behind", coding(" chunked\u{c}")),
        .refused("H61", "NUL behind", coding(" chunked\u{0}")),
        .refused("H61", "SP inside", coding(" chun ked")),
        .refused("H61", "NBSP before", coding(" \u{a0}chunked")),
        .refused("H61", "a second word", coding(" chunked chunked")),
        .refused("H61", "an equals sign", coding("=chunked")),
        .refused("H61", "brackets", coding(" [chunked]")),
    ]

    /// H67–H79: chunks (RFC 9112 §7.1).
    static let chunks: [Case] = [
        .refused("H67", "empty size", chunked("\r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "0x5", chunked("0x5\r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "+5", chunked("+5\r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "-5", chunked("-5\r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "5_0", chunked("5_0\r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "SP before", chunked(" 5\r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "SP behind", chunked("5 \r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "TAB behind", chunked("5\t\r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "5g", chunked("5g\r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "a quote", chunked("\"5\"\r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "NUL", chunked("5\u{0}\r\nhello\r\n0\r\n\r\n")),
        .refused("H67", "a comma", chunked("5,\r\nhello\r\n0\r\n\r\n")),
        .refused("H68", "17 digits", chunked("00000000000000005\r\nhello\r\n0\r\n\r\n")),
        .refused("H68", "2^63", chunked("8000000000000000\r\nhello\r\n0\r\n\r\n")),
        .refused("H68", "2^64 - 1", chunked("ffffffffffffffff\r\nhello\r\n0\r\n\r\n")),
        .refused("H68", "2^64 + 5", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n")),
        .kept("H69", "upper-case hex", chunked("A\r\n0123456789\r\n0\r\n\r\n")),
        .kept("H69", "lower-case hex", chunked("a\r\n0123456789\r\n0\r\n\r\n")),
        .kept("H69", "leading zeros", chunked("0000000000000005\r\nhello\r\n0\r\n\r\n")),
        .kept("H69", "000", chunked("5\r\nhello\r\n000\r\n\r\n")),
        .kept("H70", "an extension", chunked("5;a\r\nhello\r\n0\r\n\r\n")),
        .kept("H70", "with a value", chunked("5;a=b\r\nhello\r\n0;c=d\r\n\r\n")),
        .kept("H70", "with a quoted value", chunked("5;a=\"b;\\\"c\"\r\nhello\r\n0\r\n\r\n")),
        .kept("H70", "several", chunked("5;a;b=c;d=\"e\"\r\nhello\r\n0\r\n\r\n")),
        .kept("H70", "blanks around it", chunked("5 ; a\t=  \"b\"\r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "blanks behind it", chunked("5;a \r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "blanks alone behind a semicolon", chunked("5; \r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "two words", chunked("5;a b\r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "a bare semicolon", chunked("5;\r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "a bad token", chunked("5;(\r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "no value", chunked("5;a=\r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "an open quote", chunked("5;a=\"b\r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "letters behind a quote", chunked("5;a=\"b\"c\r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "NUL", chunked("5;a\u{0}\r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "CR", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "LF", chunked("5;a\nb\r\nhello\r\n0\r\n\r\n")),
        .refused("H71", "on the last chunk", chunked("5\r\nhello\r\n0;\r\n\r\n")),
        .kept("H72", "an extension of 4 KiB", chunked(
            "5;\(times("a", 4_095))\r\nhello\r\n0\r\n\r\n")),
        .refused("H72", "an extension over 4 KiB", chunked(
            "5;\(times("a", 4_096))\r\nhello\r\n0\r\n\r\n")),
        .refused("H72", "16 KiB of extensions together", chunked(
            "\(times("400;\(times("a", 3_999))\r\n\(times("x", 1_024))\r\n", 5))0\r\n\r\n")),
        .refused("H73", "no CRLF behind the data", chunked("5\r\nhello0\r\n\r\n")),
        .refused("H73", "data longer than its size", chunked("5\r\nhello, world\r\n0\r\n\r\n")),
        .refused("H73", "two other bytes", chunked("5\r\nhelloab0\r\n\r\n")),
        .refused("H73", "CR and another byte", chunked("5\r\nhello\rb0\r\n\r\n")),
        .refused("H73", "data shorter than its size", chunked("7\r\nhello\r\n0\r\n\r\n")),
        .refused("H74", "LF behind the size", chunked("5\nhello\r\n0\r\n\r\n")),
        .refused("H74", "LF behind the data", chunked("5\r\nhello\n0\r\n\r\n")),
        .refused("H74", "LF behind the last size", chunked("5\r\nhello\r\n0\n\r\n")),
        .refused("H74", "LF ends the trailers", chunked("5\r\nhello\r\n0\r\n\n")),
        .refused("H74", "LF ends a trailer", chunked("5\r\nhello\r\n0\r\nX: y\n\r\n")),
        .refused("H74", "CR behind the size", chunked("5\rhello\r\n0\r\n\r\n")),
        .kept("H76", "trailers", chunked("5\r\nhello\r\n0\r\nX: y\r\nZ: a\r\n\r\n")),
        .kept("H76", "trailers that would frame", chunked(
            "5\r\nhello\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\nHost: u\r\n\r\n")),
        .refused("H77", "a trailer without colon", chunked("5\r\nhello\r\n0\r\nbad\r\n\r\n")),
        .refused("H77", "SP before a trailer's colon", chunked("0\r\nX : y\r\n\r\n")),
        .refused("H77", "a folded trailer", chunked("0\r\nX: y\r\n z\r\n\r\n")),
        .refused("H77", "a control in a trailer", chunked("0\r\nX: \u{1}\r\n\r\n")),
        .refused("H77", "trailers over 8 KiB", chunked(
            "0\r\n\(times("X: \(times("a", 4_000))\r\n", 3))\r\n"), 431),
        .refused("H78", "chunks over the route's limit", post(
            "Transfer-Encoding: chunked\r\n", body: times("5\r\nhello\r\n", 3), target: "/small"), 413),
        .refused("H78", "a flood of one-byte chunks", chunked(times("1\r\na\r\n", 20_000))),
        .refused("H79", "poison behind a broken chunk", chunked("5\r\nhelloX\r\n0\r\n\r\n\(hidden)")),
        .refused("H79", "poison behind a broken size", chunked("Z\r\n\(hidden)")),
    ]

    /// H80–H82: several requests in one segment (RFC 9112 §9.3.2, §9.6).
    static let pipelines: [Case] = [
        Case("H80", "ten GETs", times(get(), 10), Array(repeating: 200, count: 10), .kept),
        Case("H80", "bodies between them", "\(length(" 5"))\(get())\(chunked("0\r\n\r\n"))\(get())",
             [200, 200, 200, 200], .kept),
        Case("H81", "a broken one behind a good one", "\(get())\(get("X : y\r\n"))",
             [200, 400], .ended),
        Case("H81", "a broken one behind three", "\(times(get(), 3))nonsense\r\n\r\n",
             [200, 200, 200, 400], .ended),
        .ended("H82", "a request behind close", "\(get("Connection: close\r\n"))\(get(target: "/poison"))"),
        .ended("H82", "junk behind close", "\(get("Connection: close\r\n"))junk\r\n\u{0}"),
    ]
}
