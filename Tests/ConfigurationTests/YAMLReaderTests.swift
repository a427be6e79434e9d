import Basics
import Testing

@testable import Configuration

@Suite struct YAMLReaderTests {
    private enum Store: String, CaseIterable { case memory, redis }

    private func reader(_ text: String) throws -> YAMLReader {
        YAMLReader(try YAMLDocument.parse(text, name: "policies.yaml"), name: "policies.yaml")
    }

    @Test func `typed values come out of a mapping`() throws {
        let mapping = try reader(
            """
            name: yes
            burst: 10
            share: 0.5
            wait: 250ms
            shadow: true
            store: redis
            tags: [a, b]
            nested: {x: -3}
            """
        ).mapping()
        #expect(try mapping.text("name") == "yes")
        #expect(try mapping.integer("burst", in: 1...10) == 10)
        #expect(try mapping.number("share", in: 0...1) == 0.5)
        #expect(try mapping.duration("wait") == .milliseconds(250))
        #expect(try mapping.flag("shadow", default: false))
        #expect(try mapping.choice("store", of: Store.self) == .redis)
        #expect(try mapping.list("tags").map { try $0.text() } == ["a", "b"])
        #expect(try mapping.required("nested").mapping().integer("x", in: -5...5) == -3)
        #expect(try mapping.integer("absent", default: 7, in: 1...10) == 7)
        #expect(mapping.optional("nothing") == nil)
        try mapping.finish()
    }

    @Test func `a wrong value is named by file, line and path, with what is allowed`() throws {
        let limits = try reader("limits:\n  - id: a\n    burst: abc\n").mapping().list("limits")
        let error = #expect(throws: YAMLError.self) {
            try limits[0].mapping().integer("burst", in: 1...1_000_000)
        }
        #expect(
            error?.description
                == "policies.yaml:3: limits[0].burst: \"abc\" is not an integer from 1 to 1000000")
    }

    @Test(arguments: [
        "01", "+1", "1.0", "0x1", "1e3", "\"5\"", "-x", "99999999999999999999", "101", "", "~", "[1]", "{}",
        "1_000",
    ])
    func `only plain decimal digits within the limits are an integer`(text: String) throws {
        let mapping = try reader("n: \(text)").mapping()
        #expect(throws: YAMLError.self) { try mapping.integer("n", in: 0...100) }
    }

    @Test(arguments: [
        ("0s", Duration.zero), ("250us", .microseconds(250)), ("20ms", .milliseconds(20)),
        ("5s", .seconds(5)), ("2m", .seconds(120)), ("1h", .seconds(3_600)), ("\"5s\"", .seconds(5)),
    ])
    func `durations have a whole number and a unit`(text: String, duration: Duration) throws {
        #expect(
            try reader("d: \(text)").mapping().duration("d", in: .zero...(.seconds(86_400))) == duration)
    }

    @Test(arguments: ["5", "s", "5 s", "1.5s", "-5s", "5d", "9999999999s", "2h", "null"])
    func `other durations are refused`(text: String) throws {
        let mapping = try reader("d: \(text)").mapping()
        let error = #expect(throws: YAMLError.self) {
            try mapping.duration("d", in: .milliseconds(1)...(.seconds(3_600)))
        }
        #expect(error?.message.contains("a duration from 1ms to 1h") == true)
    }

    @Test(arguments: ["nan", "inf", "0x1p3", "1e5", "--1", "\"1\"", "2"])
    func `only plain decimals within the limits are a number`(text: String) throws {
        let mapping = try reader("n: \(text)").mapping()
        #expect(throws: YAMLError.self) { try mapping.number("n", in: 0...1) }
    }

    @Test func `an unknown key is refused with what was probably meant`() throws {
        let mapping = try reader("id: a\nbrust: 10\n").mapping()
        _ = try mapping.text("id")
        _ = try mapping.integer("burst", default: 1, in: 1...10)
        let error = #expect(throws: YAMLError.self) { try mapping.finish() }
        #expect(error?.code == .unknownKey)
        #expect(
            error?.description == "policies.yaml:2: brust: is not a known key; did you mean "
                + "\"burst\"? Allowed are: id, burst")
    }

    @Test func `a missing key is named, or the misspelt one in its place`() throws {
        let missing = #expect(throws: YAMLError.self) {
            try self.reader("a:\n  id: x").mapping().required("a").mapping().integer("burst", in: 1...2)
        }
        #expect(missing?.description == "policies.yaml:1: a: the key \"burst\" is missing")
        let misspelt = #expect(throws: YAMLError.self) {
            try self.reader("id: x\nbrust: 1").mapping().integer("burst", in: 1...2)
        }
        #expect(
            misspelt?.description
                == "policies.yaml:2: brust: is not a known key; did you mean \"burst\"?")
    }

    @Test func `a choice lists what is allowed and what is near`() throws {
        let mapping = try reader("store: rediss").mapping()
        let error = #expect(throws: YAMLError.self) { try mapping.choice("store", of: Store.self) }
        #expect(error?.message == "\"rediss\" is not one of memory, redis (did you mean redis?)")
    }

    @Test func `a value of the wrong kind says what it is`() throws {
        let mapping = try reader("a: [1]\nb: 1\nc:\n").mapping()
        let list = #expect(throws: YAMLError.self) { try mapping.text("a") }
        #expect(list?.message == "is a list; allowed is a text")
        let single = #expect(throws: YAMLError.self) { try mapping.required("b").mapping() }
        #expect(single?.message == "is a single value; allowed is a mapping (key: value)")
        let empty = #expect(throws: YAMLError.self) { try mapping.list("c") }
        #expect(empty?.message == "is empty; allowed is a list")
    }

    @Test func `an error shows the beginning of a long value, on one line`() throws {
        let mapping = try reader("n: \"\(String(repeating: "x\\n", count: 5_000))\"").mapping()
        let error = #expect(throws: YAMLError.self) { try mapping.integer("n", in: 0...1) }
        #expect((error?.message.count ?? 1_000) < 150)
        #expect(error?.message.contains("\n") == false)
    }
}
