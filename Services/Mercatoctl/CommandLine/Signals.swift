import Glibc
import NativeServers

/// Ctrl-C, SIGTERM and a closed terminal as one thing: a request to end tidily.
///
/// The signals are blocked before any thread exists, so every thread inherits the block and only
/// `wait` sees them; no handler runs in the middle of anything.
package enum Signals {
    private static let ending = [SIGINT, SIGTERM, SIGHUP]

    /// Call first in `main`, before any thread is made.
    package static func block() {
        var set = sigset_t()
        sigemptyset(&set)
        for number in ending { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Blocks the calling thread for ever; runs `body` for each signal.
    package static func forward(to body: @Sendable (Int32) -> Void) -> Never {
        var set = sigset_t()
        sigemptyset(&set)
        for number in ending { sigaddset(&set, number) }
        while true {
            var number: Int32 = 0
            if sigwait(&set, &number) == 0 { body(number) }
        }
    }
}
