import Basics
import HTTP
import Testing

/// Goal: no input makes a parser trap or loop, and splits never change its answer. Method: valid
/// messages with seeded mutations; the seed is in the test's name.
@Suite struct ParserRobustnessTests {
    @Test(arguments: [UInt64(1), 20_261_121, 0xfeed])
    func `mutated messages are accepted or refused, alike at any split (H99)`(seed: UInt64) {
        let random = RandomSource.seeded(seed)
        func below(_ limit: Int) -> Int { Int(random.next() % UInt64(max(1, limit))) }
        let interesting: [UInt8] = [0, 9, 10, 13, 32, 34, 37, 44, 47, 48, 58, 59, 61, 95, 127, 255]
        for _ in 0..<3_000 {
            var bytes = Array(RequestParserTests.valid[below(RequestParserTests.valid.count)].utf8)
            for _ in 0...below(3) {
                let at = below(bytes.count)
                switch below(4) {
                case 0: bytes[at] = interesting[below(interesting.count)]
                case 1: bytes.insert(interesting[below(interesting.count)], at: at)
                case 2 where bytes.count > 1: bytes.remove(at: at)
                default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 9)], at: at)
                }
            }
            let whole = transcript([bytes])
            let split = below(bytes.count)
            #expect(transcript([Array(bytes[..<split]), Array(bytes[split...])]) == whole)
            #expect(transcript(bytes.map { [$0] }) == whole)
        }
    }

    @Test func `random bytes never complete a request`() {
        let random = RandomSource.seeded(7)
        for _ in 0..<2_000 {
            let bytes = (0..<64).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            #expect(transcript([bytes]).events.isEmpty)
        }
    }

    @Test func `long bodies are parsed without rescanning`() throws {
        var parser = RequestParser()
        let size = 1_000_000
        parser.append(Array(get("Content-Length: \(size)\r\n", method: "POST").utf8))
        guard case .head = try parser.next() else { return }
        var received = 0
        let piece = [UInt8](repeating: 65, count: 1_000)
        for _ in 0..<(size / 1_000) {
            parser.append(piece)
            while case .body(let data) = try parser.next() { received += data.count }
            let kept = parser.bufferedCount
            #expect(kept == 0)
        }
        #expect(received == size)
    }
}
