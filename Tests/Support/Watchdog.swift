import Foundation
import Glibc
package import NativeServers
import Synchronization

/// Ends the servers a test process started, however that process ends: a shell holds the reading end
/// of a pipe of ours, and when the pipe closes it kills what it was told about and removes the
/// scratch folder. So neither Ctrl-C nor kill -9 of a test leaves a server behind.
package final class Watchdog: Sendable {
    package static let shared = Watchdog()

    private let writer: Mutex<Int32>

    /// `pid start` adds a process; the start tick is compared before it is killed. Servers get
    /// SIGQUIT first, PostgreSQL's immediate shutdown, which also ends its children; a JVM only
    /// writes down its threads then, so SIGKILL follows, for a server's whole group. (`kill -KILL --`
    /// is not understood by Debian's sh.)
    package static let script = """
        list=
        while read -r pid start; do list="$list $pid:$start"; done
        same() { [ "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20)" = "$2" ]; }
        for entry in $list; do same "${entry%:*}" "${entry#*:}" && kill -QUIT "${entry%:*}"; done
        sleep 0.3
        for entry in $list; do
            pid=${entry%:*}
            same "$pid" "${entry#*:}" && { kill -s KILL -- "-$pid" || kill -s KILL "$pid"; }
        done 2>/dev/null
        rm -rf "$1"
        """

    private init() {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            writer = Mutex(-1)
            return
        }
        // A server that inherits the writing end would keep the watchdog waiting.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let started = try? Command.spawnDetached(  // Ignored: without a shell, tests leave servers.
            "/bin/sh", ["-c", Self.script, "sh", ScratchFolder.root], input: ends[0])
        close(ends[0])
        writer = Mutex(started == nil ? -1 : ends[1])
        // A watchdog that died must not take the test process with it.
        signal(SIGPIPE, SIG_IGN)
    }

    /// From now on this process ends with ours.
    package func watch(_ identity: ProcessIdentity) {
        let line = Array("\(identity.pid) \(identity.startTicks)\n".utf8)
        writer.withLock { descriptor in
            if descriptor >= 0 { _ = write(descriptor, line, line.count) }
        }
    }
}

/// The folder of this test process, under the system's temporary folder; the watchdog removes it.
package enum ScratchFolder {
    package static let root: String = {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/mercato-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return "/tmp/mercato-test-\(getpid())" }
        // PostgreSQL runs as its own account when tests run as root: it must reach its folder.
        chmod(template, 0o755)
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }()

    private static let counter = Atomic<Int>(0)

    /// A fresh folder of its own for one test.
    package static func make(_ name: String) throws -> String {
        let number = counter.add(1, ordering: .relaxed).newValue
        let path = "\(root)/\(name)-\(number)"
        try Folders.make(path, mode: 0o755)
        return path
    }
}
