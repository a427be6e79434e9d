import CLinux

/// A numeric IPv4 or IPv6 address with a port.
package struct SocketAddress: Sendable, CustomStringConvertible {
    var raw: clinux_address

    /// From numeric text such as `127.0.0.1` or `::1`; never asks a name server.
    package init(numeric host: String, port: Int) throws(SocketError) {
        guard let port = UInt16(exactly: port) else {
            throw SocketError(.addressUnavailable, "port \(port)")
        }
        raw = clinux_address()
        let result = unsafe clinux_numeric_address(host, port, &raw)
        guard result > 0 else { throw SocketError(.addressUnavailable, "address \(host)") }
    }

    init(raw: clinux_address) { self.raw = raw }

    package var port: Int { described.port }

    /// Without the port: `127.0.0.1`, `::1`.
    package var host: String { described.host }

    package var description: String {
        let (host, port) = described
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private var described: (host: String, port: Int) {
        unsafe withUnsafeTemporaryAllocation(
            of: CChar.self, capacity: Int(clinux_address_text_size)
        ) { buffer in
            guard let base = buffer.baseAddress else { return ("", 0) }
            var copy = raw
            // The call ends the text with a NUL within the size it is given.
            let port = unsafe clinux_describe(&copy, base, CInt(buffer.count))
            return (unsafe String(cString: base), max(0, Int(port)))
        }
    }
}

/// Names to addresses, without making the loop wait for a name server.
package enum NameLookup {
    private static let addressesMax = 8
    /// Lookups under way at once, each on a thread of its own; the rest wait.
    private static let lookups = LoopSemaphore(permits: 4, waitersMax: 1_000)

    /// All addresses of a host, in the resolver's order. Numeric hosts are answered at once.
    ///
    /// Throws `SocketError` with `.nameNotFound`. A lookup under way cannot be cancelled; a
    /// cancelled caller stops waiting for it.
    package static func addresses(of host: String, port: Int) async throws -> [SocketAddress] {
        if let numeric = numeric(host, port) { return [numeric] }
        try await lookups.acquire()
        let answer = OneShot<[SocketAddress]>()
        do throws(SocketError) {
            try startThread("lookup") {
                answer.settle(Result { try resolve(host, port) })
                lookups.release()
            }
        } catch {
            lookups.release()
            throw error
        }
        return try await answer.value()
    }

    private static func numeric(_ host: String, _ port: Int) -> SocketAddress? {
        // Ignored: text that is not a numeric address is a name, which is looked up.
        try? SocketAddress(numeric: host, port: port)
    }

    private static func resolve(_ host: String, _ port: Int) throws -> [SocketAddress] {
        guard let port = UInt16(exactly: port) else {
            throw SocketError(.addressUnavailable, "port \(port)")
        }
        var found = [clinux_address](repeating: clinux_address(), count: addressesMax)
        let count = unsafe clinux_resolve(host, port, &found, CInt(addressesMax))
        guard count > 0 else { throw SocketError(result: count, "look up \(host)") }
        return found.prefix(Int(count)).map { SocketAddress(raw: $0) }
    }
}
