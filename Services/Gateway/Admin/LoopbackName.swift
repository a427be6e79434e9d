/// Whether a `Host` field names this machine by a name that nobody else can make resolve to it.
enum LoopbackName {
    /// `localhost`, an address of 127.0.0.0/8 in full, or `[::1]`, each with or without a port.
    static func isLoopback(_ host: String) -> Bool {
        let bytes = Array(host.utf8)
        let isBracketed = bytes.first == UInt8(ascii: "[")
        let afterName =
            isBracketed
            ? bytes.firstIndex(of: UInt8(ascii: "]")).map { $0 + 1 } ?? bytes.count
            : bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
        let port = bytes[afterName...]
        guard port.isEmpty || (port.first == UInt8(ascii: ":") && port.dropFirst().allSatisfy(isDigit))
        else { return false }
        let name = String(decoding: bytes[..<afterName], as: UTF8.self).lowercased()
        return name == "[::1]" || name == "localhost" || isLoopbackAddress(bytes[..<afterName])
    }

    /// All four parts: `127.0.0.1.evil.example` begins like an address and is a name.
    private static func isLoopbackAddress(_ name: ArraySlice<UInt8>) -> Bool {
        let parts = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0].elementsEqual("127".utf8)
            && parts.allSatisfy { (1...3).contains($0.count) && $0.allSatisfy(isDigit) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
