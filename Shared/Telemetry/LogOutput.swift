#if canImport(Glibc)
    import Glibc
#endif
import Synchronization

/// Where a writer thread puts bytes. May block: it is called on that thread only.
package protocol LogOutput: Sendable {
    func write(_ bytes: [UInt8])
}

/// Writes to a descriptor that stays open for the life of the process, as standard output does.
package struct DescriptorOutput: LogOutput {
    private let descriptor: CInt

    /// The descriptor stays the caller's; it is never closed here.
    package init(_ descriptor: CInt) { self.descriptor = descriptor }

    /// The process's standard output.
    package static let standardOutput = DescriptorOutput(STDOUT_FILENO)

    package func write(_ bytes: [UInt8]) { _ = writeAll(bytes, to: descriptor) }
}

/// Writes all bytes, waiting while the descriptor is full. False when it takes no more at all: the
/// log has no other place to report that to, so the bytes are lost.
func writeAll(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
    bytes.withUnsafeBytes { buffer in
        var sent = 0
        while sent < buffer.count {
            let count = write(descriptor, buffer.baseAddress.map { $0 + sent }, buffer.count - sent)
            if count > 0 {
                sent += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // The descriptor may be non-blocking because it is shared with another process.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, 1_000)
            default: return false
            }
        }
        return true
    }
}
