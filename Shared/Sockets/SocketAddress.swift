import CLinux
import Glibc

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

    /// 0 when none was given.
    package var port: Int { described.port }

    /// IPv6, also where it carries an IPv4 address.
    var isIPv6: Bool { CInt(raw.storage.ss_family) == AF_INET6 }

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
