import Basics
import Foundation
import HTTP
import HTTPServer
import Sockets
import Testing

/// Bytes of no sense at all: never a crash, never a second opinion, never more memory.
@Suite(.timeLimit(.minutes(2)))
struct RobustnessTests {
    /// The seed of a run; a failure prints it, and setting the variable replays it.
    private static let seed: UInt64 =
        ProcessInfo.processInfo.environment["MERCATO_HTTP_SEED"].flatMap(UInt64.init)
        ?? UInt64(Date().timeIntervalSince1970)

    private struct Dice {
        let random: RandomSource

        func below(_ limit: Int) -> Int { Int(random.next() % UInt64(max(1, limit))) }

        func mutated(_ bytes: [UInt8], with words: [[UInt8]]) -> [UInt8] {
            var bytes = bytes
            for _ in 0...below(3) {
                let at = below(bytes.count)
                switch below(6) {
                case 0 where !bytes.isEmpty: bytes[at] = UInt8(truncatingIfNeeded: random.next())
                case 1 where !bytes.isEmpty: bytes[at] ^= 1 << UInt8(below(8))
                case 2 where !bytes.isEmpty: bytes.remove(at: at)
                case 3 where !bytes.isEmpty:
                    bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + below(20))], at: at)
                case 4 where !bytes.isEmpty: bytes.removeSubrange(at..<min(bytes.count, at + below(20)))
                default: bytes.insert(contentsOf: words[below(words.count)], at: at)
                }
            }
            return bytes
        }
    }

    private static let words: [[UInt8]] = [
        "\r\n", "\n", "\r", "\u{0}", " ", "\t", ":", ";", ",", "\"", "%", "..", "//", "\r\n\r\n", "0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n", "Content-Length: 5\r\n", "Host: t\r\n", "HTTP/1.1", "GET /ok ",
        "ffffffffffffffff", "9223372036854775808", "\u{ff}", "\u{80}", "Expect: 100-continue\r\n",
    ].map(latin1)

    @Test func `H99: a hundred thousand mutations, with memory as it was`() async {
        let dice = Dice(random: .seeded(Self.seed))
        let corpus = Case.all.map(\.bytes).filter { $0.count < 400 }
        var memory: [Int] = []
        for round in 0..<100_000 {
            let bytes = dice.mutated(corpus[dice.below(corpus.count)], with: Self.words)
            let whole = ParserTranscript(bytes)
            // The whole and a split must agree; every tenth, for time's sake.
            guard round % 10 == 0 else { continue }
            await Task.yield()
            let split = dice.below(bytes.count + 1)
            if ParserTranscript(bytes, splitAt: split) != whole {
                Issue.record("seed \(Self.seed), round \(round): split at \(split) of \(bytes)")
                return
            }
            if round % 20_000 == 0 { memory.append(residentBytes()) }
        }
        memory.append(residentBytes())
        // Suites that run beside this one grow the same process, now and then; a leak grows it all the
        // time. So the growth of the middling part stands for each of them, after the first.
        let parts = zip(memory.dropFirst(), memory.dropFirst(2)).map { $1 - $0 }.sorted()
        let grown = parts[(parts.count - 1) / 2] * parts.count
        #expect(grown < 48 << 20, "seed \(Self.seed): \(grown) bytes more than at the start")
    }

    @Test func `H99: mutations over sockets end in answers or silence, and the server serves on`()
        async throws
    {
        let dice = Dice(random: .seeded(Self.seed &+ 1))
        let corpus = Case.all.map(\.bytes).filter { $0.count < 2_000 }
        try await withServer(limits { $0.halfCloseGrace = .seconds(20) }) { running in
            for round in 0..<600 {
                let bytes = dice.mutated(corpus[dice.below(corpus.count)], with: Self.words)
                let wire = try await running.connect()
                try await wire.send(bytes)
                await wire.finishSending()
                let said = try await wire.rest()
                // The reader does not follow which answers are to HEAD.
                let isRead = said.surplus.isEmpty || String(decoding: bytes, as: UTF8.self).contains("HEAD")
                let isFine = said.statuses.allSatisfy { (100..<600).contains($0) } && isRead
                #expect(isFine, "seed \(Self.seed), round \(round): \(bytes)")
                await wire.close()
            }
            #expect(try await running.exchange(get("Connection: close\r\n")).statuses == [200])
            try await running.untilNoConnections()
        }
    }

    /// What somebody says who takes us for another server. Named, for the bytes would fill the log.
    struct Stranger: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
    }

    static let strangers = [
        Stranger(
            testDescription: "TLS",
            bytes: [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
        Stranger(testDescription: "SSL 2", bytes: [0x80, 0x2e, 0x01, 0x00, 0x02]),
        Stranger(testDescription: "NUL", bytes: [0x00]),
        Stranger(testDescription: "SOCKS", bytes: [0x05, 0x01, 0x00]),
        Stranger(testDescription: "SSH", bytes: latin1("SSH-2.0-OpenSSH_9.2\r\n")),
        Stranger(testDescription: "SMTP", bytes: latin1("EHLO t\r\n")),
        Stranger(testDescription: "a terminal", bytes: latin1("\u{1b}[A\r\n")),
        Stranger(testDescription: "Redis", bytes: latin1("*1\r\n$4\r\nPING\r\n")),
        Stranger(testDescription: "FF without end", bytes: Array(repeating: 0xff, count: 40_000)),
    ]

    @Test(arguments: strangers)
    func `H99: another protocol is refused once, or ended`(_ stranger: Stranger) async throws {
        try await withServer { running in
            let said = try await running.exchange(stranger.bytes + latin1(get(target: "/poison")))
            #expect(said.statuses == [400] && said.surplus.isEmpty)
            #expect(running.handled.all.isEmpty)
        }
    }

    @Test func `H99: random bytes are refused`() async throws {
        let random = RandomSource.seeded(Self.seed)
        try await withServer { running in
            for length in [1, 10, 100, 1_000, 10_000, 60_000] {
                let wire = try await running.connect()
                try await wire.send((0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) })
                await wire.finishSending()
                let said = try await wire.rest()
                #expect(said.statuses.allSatisfy { (400..<506).contains($0) }, "seed \(Self.seed)")
                #expect(said.statuses.count <= 1)
                await wire.close()
            }
            #expect(running.handled.all.isEmpty)
        }
    }

    @Test func `H99: connections that say nothing, or end in the middle, leave nothing behind`()
        async throws
    {
        try await withServer { running in
            for round in 0..<200 {
                let wire = try await running.connect()
                if round % 3 > 0 { try await wire.send("GET /ok HTTP/1.1\r\nHo") }
                if round % 2 == 0 { await wire.close() } else { await wire.abort() }
            }
            try await running.untilNoConnections()
            #expect(running.handled.all.isEmpty)
        }
    }

    /// Of this process, in bytes, as the kernel counts it.
    private func residentBytes() -> Int {
        // Ignored: without /proc there is nothing to compare, and 0 fails no test.
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
