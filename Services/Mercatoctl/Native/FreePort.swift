import Glibc
import Synchronization

/// Ports on 127.0.0.1 that nobody holds at the moment of asking.
package enum FreePort {
    private static let handedOut = Mutex<Set<Int>>([])

    /// Below the ports that Linux gives to outgoing connections: while a server is down for a
    /// moment, a client that keeps trying could otherwise be given the server's own port, connect to
    /// itself, and keep the server from coming back.
    private static let range = 10_000..<32_000

    /// A random free port, never the same twice in this process: two callers who have not bound
    /// theirs yet must not get one number.
    package static func any() throws(NativeError) -> Int {
        for _ in 0..<256 {
            let port = Int.random(in: range)
            guard bindLoopback(port) != nil else { continue }
            if handedOut.withLock({ $0.insert(port).inserted }) { return port }
        }
        throw NativeError(.spawn, "no free port on 127.0.0.1")
    }

    package static func isFree(_ port: Int) -> Bool { bindLoopback(port) != nil }

    static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    /// Binds and closes at once; nothing ever connects, so no TIME_WAIT keeps the port.
    private static func bindLoopback(_ port: Int) -> Int? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // Servers set this option too: without it a port whose old connections linger looks taken.
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = loopback(port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        return bound ? Int(in_port_t(bigEndian: address.sin_port)) : nil
    }
}
