/// The ways in which the same bytes may arrive.
enum Splits {
    typealias Pieces = [ArraySlice<UInt8>]

    static func whole(_ bytes: [UInt8]) -> Pieces { [bytes[...]] }

    static func single(_ bytes: [UInt8]) -> Pieces { bytes.indices.map { bytes[$0...$0] } }

    /// Pieces of 1 to 24 bytes whose lengths are taken from the bytes themselves, so that a fuzzer
    /// moves the split points by mutating the message, and seeds need no format of their own.
    static func derived(_ bytes: [UInt8]) -> Pieces {
        var pieces: Pieces = []
        var start = 0
        while start < bytes.count {
            let mixed = (Int(bytes[start]) &* 31 &+ start &* 7 &+ bytes.count) & 0xff
            let end = min(bytes.count, start + 1 + mixed % 24)
            pieces.append(bytes[start..<end])
            start = end
        }
        return pieces
    }

    /// Two pieces, cut at each of the first 300 bytes.
    static func everyTwo(_ bytes: [UInt8]) -> [Pieces] {
        (0..<min(bytes.count, 300)).map { [bytes[..<$0], bytes[$0...]] }
    }
}
