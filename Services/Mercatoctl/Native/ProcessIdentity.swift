import Foundation
import Glibc

/// A process named so that it cannot be mistaken for a later one with the same number: its pid and
/// the tick at which the kernel started it (field 22 of /proc/PID/stat).
package struct ProcessIdentity: Sendable, Codable, Hashable {
    package let pid: Int32
    package let startTicks: UInt64

    package init(pid: Int32, startTicks: UInt64) {
        self.pid = pid
        self.startTicks = startTicks
    }

    /// The identity of a running process; nil when there is none with this number.
    package init?(of pid: Int32) {
        guard let fields = Self.statFields(pid), let ticks = UInt64(fields[19]) else { return nil }
        self.init(pid: pid, startTicks: ticks)
    }

    /// Whether this very process still runs. A zombie has ended, only its parent has not asked yet;
    /// but while other threads of it are still being torn down (a JVM takes a moment), its ports
    /// are still taken.
    package var isRunning: Bool {
        guard let fields = Self.statFields(pid), UInt64(fields[19]) == startTicks else {
            return false
        }
        let threads = Int(fields[17]) ?? 1
        return fields[0] != "X" && (fields[0] != "Z" || threads > 1)
    }

    /// Whether it was frozen by SIGSTOP (state T).
    package var isStopped: Bool {
        guard let fields = Self.statFields(pid), UInt64(fields[19]) == startTicks else {
            return false
        }
        return fields[0] == "T"
    }

    /// Sends a signal if, and only if, the number still belongs to this process.
    ///
    /// - Parameter wholeGroup: also its children; we start each server as leader of its own group.
    @discardableResult
    package func signal(_ number: Int32, wholeGroup: Bool = false) -> Bool {
        guard isRunning else { return false }
        return kill(wholeGroup ? -pid : pid, number) == 0
    }

    /// Resident memory in bytes, from the second field of /proc/PID/statm.
    package var residentBytes: Int? {
        guard isRunning, let text = Folders.text(of: "/proc/\(pid)/statm") else { return nil }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
        return pages * Int(getpagesize())
    }

    /// The fields of /proc/PID/stat from the third on: the second, the name in parentheses, may hold
    /// blanks and parentheses itself, so reading starts behind the last closing one.
    private static func statFields(_ pid: Int32) -> [Substring]? {
        guard let text = Folders.text(of: "/proc/\(pid)/stat"),
            let end = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 19 ? fields : nil
    }
}
