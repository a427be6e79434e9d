import Basics
import Foundation
import Testing

@testable import Configuration

@Suite struct EnvironmentReaderTests {
    @Test func `a set value wins over the default and an empty one is not set`() throws {
        let reader = EnvironmentReader(["A": "x", "B": ""])
        #expect(try reader.text("A", default: "d") == "x")
        #expect(try reader.text("B", default: "d") == "d")
        #expect(reader.optionalText("B") == nil)
        #expect(reader.optionalText("A") == "x")
    }

    @Test func `a missing value without default names the key`() {
        let error = #expect(throws: ConfigurationError.self) {
            try EnvironmentReader([:]).text("MERCATO_X")
        }
        #expect(error?.code == .missing)
        #expect(error?.description == "MERCATO_X: is not set, and has no default")
    }

    @Test func `a number outside its limits names value and limits`() throws {
        let reader = EnvironmentReader(["P": "70000", "Q": "8x", "R": "65535"])
        let error = #expect(throws: ConfigurationError.self) {
            try reader.integer("P", default: 80, in: 1...65_535)
        }
        #expect(error?.code == .outOfRange)
        #expect(
            error?.description == "P: is 70000; allowed is a whole number from 1 to 65535")
        #expect(throws: ConfigurationError.self) {
            try reader.integer("Q", default: 80, in: 1...65_535)
        }
        #expect(try reader.integer("R", default: 80, in: 1...65_535) == 65_535)
    }

    @Test func `milliseconds are whole numbers within limits`() throws {
        let reader = EnvironmentReader(["T_MS": "1500"])
        let range: ClosedRange<Duration> = .milliseconds(1)...(.seconds(2))
        let set = try reader.milliseconds("T_MS", default: .seconds(1), in: range)
        #expect(set == .milliseconds(1_500))
        #expect(try reader.milliseconds("U_MS", default: .seconds(1), in: range) == .seconds(1))
        #expect(throws: ConfigurationError.self) {
            try EnvironmentReader(["T_MS": "2001"])
                .milliseconds("T_MS", default: .seconds(1), in: range)
        }
    }

    @Test(arguments: [
        ("on", true), ("TRUE", true), ("1", true), ("off", false), ("False", false), ("0", false),
    ])
    func `flags have three spellings each`(text: String, expected: Bool) throws {
        #expect(try EnvironmentReader(["F": text]).flag("F", default: !expected) == expected)
    }

    @Test func `another flag is refused`() {
        #expect(throws: ConfigurationError.self) {
            try EnvironmentReader(["F": "maybe"]).flag("F", default: true)
        }
    }

    @Test func `a choice lists what is allowed`() {
        let error = #expect(throws: ConfigurationError.self) {
            try EnvironmentReader(["C": "z"]).choice("C", default: "a", of: ["a", "b"])
        }
        #expect(error?.message == "is \"z\"; allowed is one of a, b")
    }

    @Test func `a secret is in no summary`() throws {
        let reader = EnvironmentReader(["S": "hunter2", "N": "5"])
        #expect(try reader.secret("S").reveal() == "hunter2")
        _ = try reader.integer("N", default: 1, in: 1...9)
        _ = try reader.integer("M", default: 1, in: 1...9)
        #expect(
            reader.summary == [
                ConfigurationEntry(key: "M", shown: "1", isDefault: true),
                ConfigurationEntry(key: "N", shown: "5", isDefault: false),
                ConfigurationEntry(key: "S", shown: "[redacted]", isDefault: false),
            ])
    }

    @Test func `a file may hold the value, without its last line feed`() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "conf-\(UniqueID.v7())")
        try Data("from file\n".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }  // Ignored: scratch file.
        #expect(try EnvironmentReader(["K_FILE": file.path]).text("K") == "from file")
        #expect(try EnvironmentReader(["K_FILE": file.path]).secret("K").reveal() == "from file")
        let error = #expect(throws: ConfigurationError.self) {
            try EnvironmentReader(["K_FILE": file.path, "K": "x"]).text("K")
        }
        #expect(error?.code == .ambiguous)
    }

    @Test func `a file that cannot be read is named`() {
        let error = #expect(throws: ConfigurationError.self) {
            try EnvironmentReader(["K_FILE": "/nonexistent/x"]).secret("K")
        }
        #expect(error?.code == .unreadableFile)
        #expect(error?.description == "K_FILE: names /nonexistent/x, which cannot be read")
    }
}
