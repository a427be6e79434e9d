/// What `mercatoctl` and `make` tell their caller (architecture.md §5).
package enum ExitCode: Int32, Sendable {
    case done = 0
    /// A walk or a check failed.
    case failed = 1
    case usage = 2
    /// A program or package that we need is absent.
    case missing = 3
    case portInUse = 4
    case startFailed = 5
    /// Ctrl-C: 128 + SIGINT, as shells count.
    case interrupted = 130
}

/// Ends a command with a message for people.
package struct CommandFailure: Error, Sendable, CustomStringConvertible {
    package let code: ExitCode
    package let message: String
    /// Further lines, for example the end of a log.
    package var details: [String]
    /// Nobody answered at the address; what to do depends on where it is.
    package let isUnreachable: Bool

    package init(
        _ code: ExitCode, _ message: String, details: [String] = [], isUnreachable: Bool = false
    ) {
        self.code = code
        self.message = message
        self.details = details
        self.isUnreachable = isUnreachable
    }

    package var description: String { message }
}
