import Glibc

/// One text file. Rules search bytes: a debug build is slow at searching Strings, and this suite
/// has to stay so quick that nobody leaves it out.
struct Text: Sendable {
    let path: String
    let bytes: [UInt8]
    /// Offset of the first byte of each line.
    let lineStarts: [Int]

    init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
        lineStarts = [0] + occurrencesOfBytes([0x0A], in: bytes).map { $0 + 1 }
    }

    init(path: String, _ text: String) {
        self.init(path: path, bytes: Array(text.utf8))
    }

    var lineCount: Int {
        bytes.last == 0x0A ? lineStarts.count - 1 : lineStarts.count
    }

    /// Offsets at which `token` begins, overlaps left out.
    func occurrences(of token: String) -> [Int] {
        occurrencesOfBytes(Array(token.utf8), in: bytes)
    }

    /// As `occurrences(of:)`, but only where no letter, digit or underscore touches the token.
    func words(_ token: String) -> [Int] {
        occurrences(of: token).filter { offset in
            let end = offset + token.utf8.count
            return !(isWord(byte(offset)) && isWord(byte(offset - 1)))
                && !(isWord(byte(end - 1)) && isWord(byte(end)))
        }
    }

    /// 1-based number of the line that holds `offset`.
    func line(at offset: Int) -> Int {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low + 1
    }

    /// Text of a 1-based line without its end; empty beyond the file's ends.
    func content(ofLine number: Int) -> String {
        guard number >= 1, number <= lineStarts.count else { return "" }
        let start = lineStarts[number - 1]
        let end = number < lineStarts.count ? lineStarts[number] - 1 : bytes.count
        return String(decoding: bytes[start..<max(start, end)], as: UTF8.self)
    }

    func string(_ range: Range<Int>) -> String {
        String(decoding: bytes[range.clamped(to: 0..<bytes.count)], as: UTF8.self)
    }

    /// 0 outside of the file, so that callers may look around an offset freely.
    func byte(_ offset: Int) -> UInt8 {
        bytes.indices.contains(offset) ? bytes[offset] : 0
    }

    /// The nearest byte before `offset` that is no white space, and 0 if there is none.
    func solidByte(before offset: Int) -> UInt8 {
        var at = offset - 1
        while isSpace(byte(at)) { at -= 1 }
        return byte(at)
    }

    /// The offset of the nearest byte from `offset` on that is no white space.
    func solidOffset(from offset: Int) -> Int {
        var at = offset
        while isSpace(byte(at)) { at += 1 }
        return at
    }
}

func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F: true
    default: byte >= 0x80
    }
}

func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x09 || byte == 0x0D
}

/// By `memchr` and `memcmp`, which are fast in a debug build as well.
private func occurrencesOfBytes(_ needle: [UInt8], in haystack: [UInt8]) -> [Int] {
    guard let first = needle.first else { return [] }
    var found: [Int] = []
    haystack.withUnsafeBytes { hay in
        guard let start = hay.baseAddress else { return }
        var offset = 0
        while offset + needle.count <= hay.count,
            let hit = memchr(start + offset, CInt(first), hay.count - offset - needle.count + 1)
        {
            let at = UnsafeRawPointer(hit) - start
            let same = memcmp(hit, needle, needle.count) == 0
            if same { found.append(at) }
            offset = at + (same ? needle.count : 1)
        }
    }
    return found
}
