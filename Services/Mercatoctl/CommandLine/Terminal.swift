import Foundation
import Glibc
import Synchronization

/// What people see. Lines go out whole and at once, also into a pipe, so progress is progress.
package struct Terminal: Sendable {
    private let write: @Sendable (String) -> Void
    private let writeError: @Sendable (String) -> Void

    /// Standard output and standard error.
    package static let standard = Terminal(
        write: { Self.put($0, to: 1) }, writeError: { Self.put($0, to: 2) })

    package init(
        write: @escaping @Sendable (String) -> Void,
        writeError: @escaping @Sendable (String) -> Void
    ) {
        self.write = write
        self.writeError = writeError
    }

    package func line(_ text: String = "") { write(text + "\n") }

    package func error(_ text: String) { writeError(text + "\n") }

    /// Whether somebody sits at the keyboard.
    package static var isInteractive: Bool { isatty(0) == 1 }

    /// A reader that went away (`mercatoctl status | head`) is no reason to fail.
    private static func put(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            start += count
        }
    }
}

/// Progress of a start: each line begins with the seconds since it began.
package struct Progress: Sendable {
    private let terminal: Terminal
    private let began = ContinuousClock.now

    package init(_ terminal: Terminal) { self.terminal = terminal }

    package func line(_ text: String) {
        terminal.line("[\(Self.seconds(ContinuousClock.now - began)) s] \(text)")
    }

    package static func seconds(_ duration: Duration) -> String {
        let tenths = duration.components.seconds * 10
            + duration.components.attoseconds / 100_000_000_000_000_000
        let text = "\(tenths / 10).\(tenths % 10)"
        return String(repeating: " ", count: max(0, 5 - text.count)) + text
    }
}
