import Foundation
import Glibc
package import NativeServers

/// One `mercatoctl` at a time changes the stack: an advisory lock on `run/lock`, which the kernel
/// frees when its holder ends, however it ends.
package final class StackLock: Sendable {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Waits for another `mercatoctl` to finish, up to `limit`. Blocks.
    package static func acquire(
        _ path: String, within limit: Duration = .seconds(120), interruption: Interruption,
        waiting: @Sendable () -> Void = {}
    ) throws(NativeError) -> StackLock {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw NativeError(.file, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        let lock = StackLock(descriptor)
        var told = false
        let held = try interruption.poll(within: limit, every: .milliseconds(50)) {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            if !told { waiting() }
            told = true
            return false
        }
        guard held else {
            throw NativeError(.timedOut, "another mercatoctl has been changing the stack for \(limit)")
        }
        return lock
    }
}
