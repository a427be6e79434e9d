import FuzzProperties
import Testing

/// The tools of the fuzzer themselves: a check that can never fail proves nothing.
@Suite struct FuzzToolTests {
    @Test func `escapes give bytes, and bytes give escapes`() throws {
        #expect(Escapes.bytes("a\\r\\n\\t\\0\\x7f\\\\") == [97, 13, 10, 9, 0, 127, 92])
        #expect(Escapes.bytes("\\{3:ab\\x00}c") == Array("ab\u{0}ab\u{0}ab\u{0}c".utf8))
        #expect(Escapes.bytes("\\{2:a\\{3:b}}") == Array("abbbabbb".utf8))
        for broken in ["\\", "\\q", "\\x1", "\\xzz", "\\{3:a", "\\{:a}", "\\{-1:a}"] {
            #expect(Escapes.bytes(broken) == nil, "\(broken)")
        }
        let all = (0...255).map { UInt8($0) }
        #expect(Escapes.bytes(Escapes.text(of: all)) == all)
    }

    @Test func `a seed file's mistakes are named with their line`() throws {
        let file = try SeedFile(text: "# comment\n\nH1 | 0+400 | a | b\\n")
        #expect(file.seeds.map(\.name) == ["H1"])
        #expect(file.seeds.map(\.verdict) == ["0+400"])
        #expect(file.seeds.first?.bytes == Array("a | b\n".utf8))
        #expect(throws: SeedFile.Mistake.self) { try SeedFile(text: "H1 | 400") }
        #expect(throws: SeedFile.Mistake.self) { try SeedFile(text: "H1 | 400 | \\q") }
    }
}
