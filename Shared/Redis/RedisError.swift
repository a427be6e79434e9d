/// Why a Redis command brought no answer. Callers of `get`, `set` and `delete` never see one.
package struct RedisError: Error, Sendable, CustomStringConvertible {
    /// What happened.
    package enum Code: Sendable, Hashable {
        /// There is no connection at present; `run()` is working on it.
        case notConnected
        /// Recent commands failed, so none is sent for a moment.
        case breakerOpen
        case timeout
        /// The connection ended before the answer came.
        case connectionLost
        /// Too many commands wait for their answers, or the value is too long.
        case limitReached
        /// Redis refused the command.
        case refused
        case connect
    }

    /// What callers branch on.
    package let code: Code
    /// For people; holds no values.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "redis \(code): \(message)" }
}
