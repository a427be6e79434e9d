import Glibc
import Sockets
import Testing

/// A port that is bound and does not listen: connections to it are refused, and the kernel gives it to
/// nobody else. A port that was merely let go of is soon another test's.
final class HeldPort {
    let port: Int
    private var descriptor: CInt

    init() throws {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let bound = bind(descriptor, address, length)
                return bound == 0 ? getsockname(descriptor, address, &length) : bound
            }
        }
        port = Int(in_port_t(bigEndian: address.sin_port))
        try #require(result == 0)
    }

    /// Lets go of it, for a listener that takes it at once.
    func release() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    deinit { release() }
}
