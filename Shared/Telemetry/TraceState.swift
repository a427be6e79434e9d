/// The grammar of `tracestate`: a list of `key=value` members of other tracing vendors (TC-1).
enum TraceState {
    /// The most members in a list; a longer list is dropped whole.
    static let membersMax = 32

    /// Joins header lines in order, drops blanks around members and empty members. Nil when any
    /// member is malformed, a key occurs twice, or there are too many.
    static func normalised(_ lines: [String]) -> String? {
        var members: [String] = []
        var keys: Set<String> = []
        for line in lines {
            for piece in line.split(separator: ",", omittingEmptySubsequences: true) {
                let member = trimmed(piece)
                if member.isEmpty { continue }
                guard let separator = member.firstIndex(of: "="), isKey(member[..<separator]),
                    isValue(member[member.index(after: separator)...]),
                    keys.insert(String(member[..<separator])).inserted,
                    members.count < membersMax
                else { return nil }
                members.append(String(member))
            }
        }
        return members.joined(separator: ",")
    }

    /// A simple key has at most 256 characters; `tenant@system` at most 241 and 14.
    private static func isKey(_ key: Substring) -> Bool {
        let parts = key.split(separator: "@", omittingEmptySubsequences: false)
        switch parts.count {
        case 1: return isKeyPart(parts[0], lengthMax: 256, mayBeginWithDigit: true)
        case 2:
            return isKeyPart(parts[0], lengthMax: 241, mayBeginWithDigit: true)
                && isKeyPart(parts[1], lengthMax: 14, mayBeginWithDigit: false)
        default: return false
        }
    }

    private static func isKeyPart(
        _ part: Substring, lengthMax: Int, mayBeginWithDigit: Bool
    ) -> Bool {
        guard let first = part.utf8.first, part.utf8.count <= lengthMax,
            isLower(first) || mayBeginWithDigit && isDigit(first)
        else { return false }
        return part.utf8.allSatisfy { byte in
            isLower(byte) || isDigit(byte) || "_-*/".utf8.contains(byte)
        }
    }

    /// 1 to 256 printable ASCII characters without `,` and `=`, not ending in a blank.
    private static func isValue(_ value: Substring) -> Bool {
        guard let last = value.utf8.last, last != UInt8(ascii: " "), value.utf8.count <= 256 else {
            return false
        }
        return value.utf8.allSatisfy { byte in
            (0x20...0x7e).contains(byte) && byte != UInt8(ascii: "=")
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var rest = text
        while let first = rest.utf8.first, first == 0x20 || first == 0x09 { rest.removeFirst() }
        while let last = rest.utf8.last, last == 0x20 || last == 0x09 { rest.removeLast() }
        return rest
    }

    private static func isLower(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
