/// A part of a service that runs until its task is cancelled: a pool, a consumer, a relay, a timer.
///
/// `run` returns after cancellation, with its resources given back. An error it throws is logged
/// and the part is started again after a wait, unless the error is `ExitCoded`.
package protocol LongRunning: Sendable {
    /// For logs, for example `outbox-relay`.
    var name: String { get }
    func run() async throws
}

/// A long-running part made of a closure.
package struct LongRunningTask: LongRunning {
    package let name: String
    private let body: @Sendable () async throws -> Void

    /// `body` runs until its task is cancelled.
    package init(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.body = body
    }

    package func run() async throws { try await body() }
}

/// An error after which the process cannot go on, with the exit code that says why.
package protocol ExitCoded: Error {
    var exitCode: Int32 { get }
}

/// The exit codes of a service process.
package enum ExitCode {
    /// Everything ended within the drain limit.
    package static let graceful: Int32 = 0
    /// Parts were still busy at the end of the drain limit, or an internal fault.
    package static let failure: Int32 = 1
    /// An argument that the program does not know.
    package static let usage: Int32 = 2
    /// A port is taken by another process.
    package static let portInUse: Int32 = 4
    /// Bad configuration, a failed migration, a foreign topic layout (`EX_CONFIG` of sysexits).
    package static let configuration: Int32 = 78
}

/// Gives an error of a module that cannot know ServiceKit its exit code.
package struct ExitError: ExitCoded, CustomStringConvertible {
    /// What the process exits with.
    package let exitCode: Int32
    /// What an operator should know, in one line.
    package let message: String
    /// The error that caused it.
    package let underlying: (any Error)?

    /// See `ExitCode` for the codes.
    package init(_ exitCode: Int32, _ message: String, underlying: (any Error)? = nil) {
        self.exitCode = exitCode
        self.message = message
        self.underlying = underlying
    }

    /// Exit 78: an operator must change something before a start can succeed.
    package static func configuration(
        _ message: String, underlying: (any Error)? = nil
    ) -> ExitError {
        ExitError(ExitCode.configuration, message, underlying: underlying)
    }

    package var description: String {
        underlying.map { "\(message): \($0)" } ?? message
    }
}
