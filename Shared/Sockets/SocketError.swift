import Glibc

/// Why an operation on a descriptor, a socket or a loop failed.
///
/// Callers branch on `code`; the text is for people and logs.
package struct SocketError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// Somebody else listens on this port.
        case addressInUse(Int)
        /// The address does not belong to this machine, or is not an address.
        case addressUnavailable
        case permissionDenied
        case connectionRefused
        /// The peer cut the connection: reset, or broken pipe.
        case connectionReset
        case unreachable
        case nameNotFound
        case timeout
        /// The task was cancelled while it waited.
        case cancelled
        /// Our side has closed the socket, or stopped the loop.
        case closed
        /// The process or the system is out of descriptors or memory.
        case resourcesExhausted
        /// A limit of ours, for example the number of waiters.
        case limitReached
        /// The descriptor has a watch already.
        case alreadyWatched
        /// The two sides could not agree on, or keep to, the protection of the stream (TLS).
        case handshake
        /// Any other errno.
        case system(CInt)
    }

    package let code: Code
    /// The call that failed and what it was called with, for example `bind 127.0.0.1:8080`.
    package let operation: String
    /// The negated result of the system call; 0 when there was none.
    package let errorNumber: CInt

    package init(_ code: Code, _ operation: String, errorNumber: CInt = 0) {
        self.code = code
        self.operation = operation
        self.errorNumber = errorNumber
    }

    /// From the negated errno that CLinux returns. `port` gives `addressInUse` its number.
    init(result: CInt, _ operation: String, port: Int = 0) {
        let number = -result
        self.init(Self.code(for: number, port: port), operation, errorNumber: number)
    }

    /// The call would have had to wait; for a connecting or accepting socket that is no failure.
    var wouldBlock: Bool { errorNumber == EAGAIN || errorNumber == EINTR }

    private static func code(for number: CInt, port: Int) -> Code {
        switch number {
        case EADDRINUSE: .addressInUse(port)
        case EADDRNOTAVAIL, EAFNOSUPPORT: .addressUnavailable
        case EACCES, EPERM: .permissionDenied
        case ECONNREFUSED: .connectionRefused
        case ECONNRESET, EPIPE, ENOTCONN, ECONNABORTED: .connectionReset
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN: .unreachable
        case ENOENT: .nameNotFound
        case ETIMEDOUT: .timeout
        case EBADF: .closed
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: .resourcesExhausted
        case EEXIST: .alreadyWatched
        default: .system(number)
        }
    }

    package var description: String {
        switch code {
        case .addressInUse(let port): "\(operation): port \(port) is already in use"
        case .system(let number): "\(operation): system error \(number)"
        default: "\(operation): \(code)"
        }
    }
}

/// Thrown by `EventLoop.withTimeout` when the body did not finish within the limit.
package struct TimeoutError: Error, Sendable, Equatable, CustomStringConvertible {
    package let limit: Duration

    package init(limit: Duration) { self.limit = limit }

    package var description: String { "did not finish within \(limit)" }
}
