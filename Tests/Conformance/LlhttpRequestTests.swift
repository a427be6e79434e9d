import HTTP
import HTTPCorpora
import Testing

/// llhttp's requests and URLs in strict reading, against our parser; each difference is fixed or
/// stands in disagreements.md. Skipped without the corpus.
@Suite(.serialized, .enabled(if: Corpora.folder != nil, "\(Corpora.variable) names no folder of corpora"))
struct LlhttpRequestTests {
    /// What a reader makes of a case; two readers are compared by it.
    private struct Reading: Equatable {
        /// `METHOD target` of each message whose head was accepted.
        var heads: [String] = []
        /// Fields of the first one, without the Host that was added.
        var fields: [String] = []
        var body = ""
        var completed = 0
        var isRefused = false
    }

    /// As a server reads: nothing behind a message after which the connection ends (H82).
    private func ours(_ input: [UInt8], addedHosts: Set<String>) -> Reading {
        var reading = Reading()
        var parser = RequestParser()
        parser.append(input)
        var keepsAlive = true
        do throws(ParseError) {
            while keepsAlive || reading.completed < reading.heads.count, let event = try parser.next() {
                switch event {
                case .head(let head):
                    if reading.heads.isEmpty {
                        reading.fields = head.headers.map { "\($0.name)=\($0.value)" }
                            .filter { !addedHosts.contains($0) }
                    }
                    reading.heads.append("\(head.method) \(head.target)")
                    keepsAlive = head.keepsAlive
                case .body(let bytes): reading.body += text(Array(bytes))
                case .end: reading.completed += 1
                }
            }
        } catch {
            reading.isRefused = true
        }
        // llhttp refuses some lines before their end; we wait for it, and the end of the input is one.
        if keepsAlive, !parser.isIdle { reading.isRefused = true }
        return reading
    }

    private func theirs(_ log: LlhttpLog) -> Reading {
        var reading = Reading()
        let messages = log.messages.filter(\.headIsComplete)
        reading.heads = messages.map { "\($0.method) \(origin($0.target))" }
        reading.fields = (messages.first?.fields ?? []).map {
            "\($0.name.lowercased())=\(text($0.value))"
        }
        reading.body = messages.map { text($0.body) }.joined()
        reading.completed = messages.count(where: \.isComplete)
        // It also refuses what comes behind a last message; a server does not look at that.
        let isCut = log.messages.last.map { !$0.isComplete } ?? true
        reading.isRefused =
            log.refusal.map { !$0.contains("Data after") } ?? (!log.upgrades && isCut)
        return reading
    }

    /// Path and query of an absolute-form target, which is what our handlers get.
    private func origin(_ target: String) -> String {
        guard target.hasPrefix("http://") else { return target }
        let rest = target.dropFirst("http://".count).drop { $0 != "/" && $0 != "?" }
        return rest.hasPrefix("/") ? String(rest) : "/" + rest
    }

    private func text(_ bytes: [UInt8]) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    /// llhttp leaves Host to its user, so most cases have none, and we would refuse them for that
    /// alone (H26). So one that fits goes in behind each request line of 1.1 that has none below it.
    private func withHost(_ input: [UInt8]) -> (bytes: [UInt8], added: Set<String>) {
        var added: Set<String> = []
        let lines = input.split(separator: [13, 10], omittingEmptySubsequences: false).map(Array.init)
        var result: [[UInt8]] = []
        for (index, line) in lines.enumerated() {
            result.append(line)
            let words = line.split(separator: 32, omittingEmptySubsequences: false)
            guard words.count == 3, words[2].elementsEqual("HTTP/1.1".utf8),
                words[0].allSatisfy({ (65...90).contains($0) || $0 == 45 })
            else { continue }
            let hasHost = lines[(index + 1)...].prefix { !$0.isEmpty }
                .contains { text($0).lowercased().hasPrefix("host:") }
            guard !hasHost else { continue }
            let target = text(Array(words[1]))
            let isAbsolute = target.hasPrefix("http://")
            let host = isAbsolute
                ? String(target.dropFirst("http://".count).prefix { $0 != "/" && $0 != "?" }) : "t"
            result.append(latin1("Host: \(host)"))
            added.insert("host=\(host)")
        }
        return (Array(result.joined(separator: [13, 10])), added)
    }

    /// Both may refuse: how much came before the offending byte is then no matter, except that no
    /// message is complete for one and not for the other.
    private func agree(_ ours: Reading, _ theirs: Reading) -> Bool {
        if ours.isRefused && theirs.isRefused { return ours.completed == theirs.completed }
        return ours == theirs
    }

    @Test func `requests are read as llhttp does, except where we say why`() throws {
        let known = try Disagreements.load("llhttp").cases.filter { $0.hasPrefix("request/") }
        var seen: Set<String> = []
        for type in ["request", "request-finish"] {
            // A request whose body is skipped has no counterpart here: framing is not negotiable.
            for one in try (Corpora.llhttp("request", type: type) ?? []) where !one.skipsBody {
                let input = withHost(one.input)
                let (mine, yours) = (ours(input.bytes, addedHosts: input.added), theirs(one.log))
                seen.insert(one.id)
                #expect(
                    agree(mine, yours) != known.contains(one.id),
                    "\(one.id): ours \(mine), theirs \(yours), listed: \(known.contains(one.id))")
            }
        }
        #expect(seen.count > 90)
        #expect(known.subtracting(seen).isEmpty, "listed, and no such case")
    }

    @Test func `URLs are read as llhttp does, except where we say why`() throws {
        let known = try Disagreements.load("llhttp").cases.filter { $0.hasPrefix("url.md") }
        var seen: Set<String> = []
        for one in try Corpora.llhttpURLs() ?? [] {
            let input = withHost(Array("GET ".utf8) + one.input + Array(" HTTP/1.1\r\n\r\n".utf8))
            let isAccepted = ParserTranscript(input.bytes).completed == 1
            seen.insert(one.id)
            #expect(
                (isAccepted == (one.log.refusal == nil)) != known.contains(one.id),
                "\(one.id): accepted \(isAccepted), theirs \(one.log.refusal ?? "accepted")")
        }
        #expect(seen.count > 15)
        #expect(known.subtracting(seen).isEmpty, "listed, and no such case")
    }

    @Test func `H83: requests give the same result at every split`() async throws {
        for one in try Corpora.llhttp("request", type: "request") ?? [] {
            await Task.yield()
            let bytes = withHost(one.input).bytes
            let whole = ParserTranscript(bytes)
            #expect(ParserTranscript(bytewise: bytes) == whole)
            for at in Splits.of(bytes) {
                #expect(ParserTranscript(bytes, splitAt: at) == whole, "\(one.id) at \(at)")
            }
        }
    }
}
