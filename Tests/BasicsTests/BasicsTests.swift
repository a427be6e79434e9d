import Basics
import Foundation
import Testing

@Suite struct UniqueIDTests {
    @Test func `text and value are each other's inverse`() throws {
        let text = "0190b5a2-7c3e-7d4f-8a1b-2c3d4e5f6071"
        let id = try #require(UniqueID(text))
        #expect(id.description == text)
        #expect(id.version == 7)
        #expect(UniqueID(text.uppercased()) == id)
    }

    @Test(arguments: ["", "0190b5a2", "0190b5a27c3e7d4f8a1b2c3d4e5f6071----",
        "0190b5a2-7c3e-7d4f-8a1b-2c3d4e5f607g", "0190b5a2-7c3e-7d4f-8a1b-2c3d4e5f60711"])
    func `anything else is refused`(text: String) {
        #expect(UniqueID(text) == nil)
    }

    @Test func `version 7 carries its milliseconds and sorts by them`() {
        let random = RandomSource.seeded(7)
        let early = UniqueID.v7(milliseconds: 1_700_000_000_000, random: random)
        let late = UniqueID.v7(milliseconds: 1_700_000_000_001, random: random)
        #expect(early.milliseconds == 1_700_000_000_000)
        #expect(early < late)
        #expect(early.low >> 62 == 0b10)
    }

    @Test func `version 8 is a function of the hash`() {
        let hash = (0..<32).map { UInt8($0) }
        #expect(UniqueID.v8(hash: hash) == UniqueID.v8(hash: hash))
        #expect(UniqueID.v8(hash: hash).version == 8)
    }
}

@Suite struct MoneyTests {
    @Test func `sums refuse other currencies and overflow`() throws {
        let usd = try #require(Currency("USD"))
        let one = Money(minor: 1, currency: .eur)
        #expect(one.adding(one) == Money(minor: 2, currency: .eur))
        #expect(one.adding(Money(minor: 1, currency: usd)) == nil)
        #expect(Money(minor: .max, currency: .eur).adding(one) == nil)
        #expect(Money(minor: .max, currency: .eur).multiplied(by: 2) == nil)
        #expect(Money(minor: -1205, currency: .eur).description == "-12.05 EUR")
    }

    @Test func `JSON is minor units and code`() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = try encoder.encode(Money(minor: 1200, currency: .eur))
        #expect(String(decoding: json, as: UTF8.self) == #"{"amount_minor":1200,"currency":"EUR"}"#)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(
                Money.self, from: Data(#"{"amount_minor":1,"currency":"eur"}"#.utf8))
        }
    }
}

@Suite struct WallTimeTests {
    @Test func `RFC 3339 text is read and written`() throws {
        let text = "2026-02-28T23:59:59.123456Z"
        let time = try #require(WallTime(iso8601: text))
        #expect(time.iso8601 == text)
        #expect(WallTime(iso8601: "2026-03-01 01:59:59.123456+02") == time)
        #expect(WallTime(iso8601: "1970-01-01T00:00:00Z")?.microseconds == 0)
        #expect(WallTime(iso8601: "2024-02-29T00:00:00Z")?.iso8601 == "2024-02-29T00:00:00.000000Z")
        #expect(WallTime(iso8601: "2024-13-01T00:00:00Z") == nil)
        #expect(WallTime(iso8601: "yesterday") == nil)
    }

    @Test func `it agrees with Foundation`() throws {
        let random = RandomSource.seeded(1)
        let format = ISO8601DateFormatter()
        for _ in 0..<200 {
            let seconds = Int64(random.next() % 4_000_000_000)
            let time = WallTime(microseconds: seconds * 1_000_000)
            let theirs = format.string(from: Date(timeIntervalSince1970: Double(seconds)))
            #expect(time.iso8601 == theirs.dropLast() + ".000000Z")
        }
    }
}

@Suite struct SmallValueTests {
    @Test func `a secret prints redacted everywhere`() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(secret, to: &dumped)
        #expect("\(secret) \(String(reflecting: secret)) \(dumped)".contains("hunter2") == false)
        #expect(secret.reveal() == "hunter2")
    }

    @Test func `the same seed gives the same numbers`() {
        let (one, two) = (RandomSource.seeded(42), RandomSource.seeded(42))
        #expect((0..<8).map { _ in one.next() } == (0..<8).map { _ in two.next() })
        #expect((0..<100).allSatisfy { _ in (0..<1).contains(one.fraction()) })
    }

    @Test(arguments: ["", "lower", "A B", String(repeating: "A", count: 65), "Ä"])
    func `a bad SKU is refused`(text: String) { #expect(SKU(text) == nil) }

    @Test func `a deadline counts down and ends at zero`() {
        #expect(Deadline.after(.seconds(60)).remaining > .seconds(59))
        #expect(Deadline.after(.seconds(-1)).remaining == .zero)
        #expect(Deadline.after(.seconds(-1)).isPast)
    }
}
