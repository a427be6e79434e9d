/// Why a native server could not be started, reached or ended.
package struct NativeError: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// A program or package of the system is absent.
        case missing
        /// The port is held by another process.
        case portInUse(Int)
        /// The program could not be run at all.
        case spawn
        /// The process ended although it should serve.
        case exited
        /// It runs but did not become ready within its limit.
        case timedOut
        /// A helper program (initdb, psql, kafka-storage) failed.
        case command
        /// A file or folder could not be made, read or removed.
        case file
        /// The person at the keyboard pressed Ctrl-C.
        case interrupted
    }

    package let code: Code
    package let message: String
    /// The last lines of the culprit's log, when there is one.
    package let logTail: [String]

    package init(_ code: Code, _ message: String, logTail: [String] = []) {
        self.code = code
        self.message = message
        self.logTail = logTail
    }

    package var description: String { message }
}
