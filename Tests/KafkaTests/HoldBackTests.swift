import Testing

@testable import Kafka

@Suite struct HoldBackTests {
    @Test func `a full buffer stops reading once, and a half empty one lets it go on once`() {
        var rule = HoldBack(recordLimit: 10, byteLimit: 1_000)
        #expect(judge(&rule, 9) == nil)
        #expect(judge(&rule, 10) == .stop)
        #expect(judge(&rule, 12) == nil)
        #expect(judge(&rule, 6) == nil)
        #expect(judge(&rule, 5) == .go)
        #expect(judge(&rule, 5) == nil)
    }

    @Test func `bytes count too`() {
        var rule = HoldBack(recordLimit: 10, byteLimit: 1_000)
        #expect(judge(&rule, 1, 1_000) == .stop)
        #expect(judge(&rule, 1, 501) == nil)
        #expect(judge(&rule, 1, 500) == .go)
    }

    @Test func `an empty buffer never holds back, whatever the limits are`() {
        for limit in 0...2 {
            var rule = HoldBack(recordLimit: limit, byteLimit: limit)
            #expect(judge(&rule, 0) == nil)
            #expect(judge(&rule, 3, 30) == .stop)
            #expect(judge(&rule, 0) == .go)
            #expect(!rule.isOn)
        }
    }

    private func judge(_ rule: inout HoldBack, _ records: Int, _ bytes: Int = 0) -> HoldBack.Change?
    {
        rule.judge(records: records, bytes: bytes)
    }
}
