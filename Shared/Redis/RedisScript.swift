import Basics

/// A Lua script and the name that Redis knows it by.
package struct RedisScript: Sendable {
    /// What Redis runs.
    package let source: String
    /// SHA-1 of the source in hexadecimal digits, as `EVALSHA` wants it.
    package let name: String

    /// How Redis begins its answer to a name that it does not know.
    static let unknown = "NOSCRIPT"

    /// Computes the name.
    package init(_ source: String) {
        self.source = source
        name = SHA1.hexadecimal(Array(source.utf8))
    }
}

extension RedisClient {
    /// Runs a script by its name, and by its text when Redis does not know the name: after a restart
    /// or at the first use (RL-7). Both tries together take no longer than the command limit.
    ///
    /// - Throws: `refused` with Redis' words when the script failed; otherwise as `command`.
    package func evaluate(
        _ script: RedisScript, keys: [String], arguments: [String]
    ) async throws(RedisError) -> RedisReply {
        let operands = ([String(keys.count)] + keys + arguments).map { Array($0.utf8) }
        let start = MonotonicInstant.now
        func run(_ command: String, _ script: String) async throws(RedisError) -> RedisReply {
            let left = configuration.commandTimeout - start.duration(to: .now)
            return try await raw(
                [Array(command.utf8), Array(script.utf8)] + operands, limit: max(.milliseconds(1), left))
        }
        var reply = try await run("EVALSHA", script.name)
        if case .error(let message) = reply, message.hasPrefix(RedisScript.unknown) {
            reply = try await run("EVAL", script.source)
        }
        if case .error(let message) = reply { throw RedisError(.refused, message) }
        return reply
    }
}

/// SHA-1 (RFC 3174): how Redis names scripts. Nothing here is protected by it.
enum SHA1 {
    static func hexadecimal(_ message: [UInt8]) -> String {
        digest(message).map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 8 - text.count) + text
        }.joined()
    }

    private static func digest(_ message: [UInt8]) -> [UInt32] {
        var padded = message + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        let bits = UInt64(message.count) * 8
        padded += (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * UInt64($0))) }
        var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
        for start in stride(from: 0, to: padded.count, by: 64) {
            let block = block(padded[start..<start + 64])
            var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
            for round in 0..<80 {
                let (mixed, constant) = mix(round, b, c, d)
                let next = rotated(a, 5) &+ mixed &+ e &+ constant &+ block[round]
                (e, d, c, b, a) = (d, c, rotated(b, 30), a, next)
            }
            for (index, word) in [a, b, c, d, e].enumerated() { state[index] &+= word }
        }
        return state
    }

    /// The sixteen words of a block and the sixty-four that follow from them.
    private static func block(_ bytes: ArraySlice<UInt8>) -> [UInt32] {
        var words: [UInt32] = []
        for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 4) {
            words.append(bytes[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) })
        }
        for round in 16..<80 {
            words.append(
                rotated(
                    words[round - 3] ^ words[round - 8] ^ words[round - 14] ^ words[round - 16], 1))
        }
        return words
    }

    private static func mix(_ round: Int, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> (UInt32, UInt32) {
        switch round {
        case 0..<20: (b & c | ~b & d, 0x5a82_7999)
        case 20..<40: (b ^ c ^ d, 0x6ed9_eba1)
        case 40..<60: (b & c | b & d | c & d, 0x8f1b_bcdc)
        default: (b ^ c ^ d, 0xca62_c1d6)
        }
    }

    private static func rotated(_ word: UInt32, _ by: UInt32) -> UInt32 { word << by | word >> (32 - by) }
}
