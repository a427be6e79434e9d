import Testing

@testable import Crypto

@Suite struct SHA256Tests {
    /// FIPS 180-4 examples.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func `published digests are met`(message: String, expected: String) {
        #expect(SHA256.hex(Array(message.utf8)) == expected)
        #expect(Hex.text(SHA256.digest(message)) == expected)
    }

    @Test func `pieces give the digest of the whole`() {
        let message = (0..<1_000).map { UInt8(truncatingIfNeeded: $0) }
        for size in [1, 63, 64, 65, 999] {
            var hasher = SHA256Hasher()
            var rest = message[...]
            while !rest.isEmpty {
                hasher.update(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            let digest = hasher.finish()
            #expect(digest == SHA256.digest(message))
        }
    }
}

@Suite struct HMACSHA256Tests {
    /// RFC 4231 test cases 1, 2 and 6.
    @Test func `published codes are met`() {
        let first = HMACSHA256.code(
            key: Array(repeating: 0x0b, count: 20), message: Array("Hi There".utf8))
        #expect(
            Hex.text(first) == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        let second = HMACSHA256.code(
            key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8))
        #expect(
            Hex.text(second) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let sixth = HMACSHA256.code(
            key: Array(repeating: 0xaa, count: 131),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
        #expect(
            Hex.text(sixth) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test func `an empty key and message have a code`() {
        #expect(
            Hex.text(HMACSHA256.code(key: [], message: []))
                == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }
}

@Suite struct ConstantTimeTests {
    @Test func `only equal bytes are equal`() {
        #expect(constantTimeEquals([], []))
        #expect(constantTimeEquals([1, 2], [1, 2]))
        #expect(!constantTimeEquals([1, 2], [1, 3]))
        #expect(!constantTimeEquals([1, 2], [1]))
    }
}

@Suite struct HexTests {
    @Test func `hex is read in either case and refused when malformed`() {
        #expect(Hex.bytes("00fFa5") == [0, 255, 0xa5])
        #expect(Hex.text([0, 255, 0xa5]) == "00ffa5")
        #expect(Hex.bytes("0") == nil)
        #expect(Hex.bytes("0g") == nil)
    }
}
