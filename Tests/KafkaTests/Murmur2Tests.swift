import Testing

@testable import Kafka

@Suite struct Murmur2Tests {
    /// The vectors that Java's client is tested with.
    @Test(arguments: [
        ("21", Int32(-973_932_308)), ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536), ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
    ])
    func `hashes as Java's client does`(text: String, expected: Int32) {
        #expect(Murmur2.hash(Array(text.utf8)) == expected)
    }

    @Test func `a partition is never negative and always the same`() {
        for number in 0..<1_000 {
            let key = Array("order-\(number)".utf8)
            let partition = Murmur2.partition(key: key, count: 12)
            #expect((0..<12).contains(partition))
            #expect(partition == (Murmur2.hash(key) & 0x7fff_ffff) % 12)
        }
    }

    @Test func `an empty key has a partition`() {
        #expect((0..<12).contains(Murmur2.partition(key: [], count: 12)))
    }
}
