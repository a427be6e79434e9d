import CLinux

/// The one owner of an open descriptor: closed exactly once, when the owner goes away.
///
/// Not copyable, so no second owner can close a number that the kernel has already given to
/// somebody else.
package struct FileDescriptor: ~Copyable, Sendable {
    package let number: CInt

    package init(owning number: CInt) { self.number = number }

    deinit {
        // Nothing can be done about a failing close: Linux has freed the number either way.
        _ = clinux_close(number)
    }
}

/// An eventfd and its owner: any thread signals, the loop that watches it drains.
///
/// Signals coalesce: many signals before a drain are one readiness.
package final class WakeDescriptor: Sendable {
    private let owner: FileDescriptor

    package init() throws(SocketError) {
        let number = clinux_eventfd_create()
        guard number >= 0 else { throw SocketError(result: number, "eventfd") }
        owner = FileDescriptor(owning: number)
    }

    /// For `EventLoop.watch`, or for a C library that writes to it. Valid while this object lives.
    package var descriptor: CInt { owner.number }

    /// Makes the descriptor readable. Any thread.
    package func signal() {
        // Fails only for a closed descriptor, which its owner rules out; a full counter is success.
        _ = clinux_eventfd_signal(owner.number)
    }

    /// Makes the descriptor unreadable until the next signal.
    package func drain() {
        _ = clinux_eventfd_drain(owner.number)
    }
}
