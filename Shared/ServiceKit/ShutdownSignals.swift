import Basics
import Glibc
import Sockets
import Synchronization

/// Turns SIGTERM and SIGINT, and where it is wanted SIGHUP, into calls on a thread of its own.
///
/// The handler only writes a byte into a pipe, which is all that may be done inside one. The
/// thread does not depend on the event loop, so a loop that hangs can still be ended: a second
/// signal exits at once with 130, and a passed limit exits with `ExitCode.failure`.
package enum ShutdownSignals {
    /// What a second signal exits with, as a shell reports Ctrl-C.
    static let secondSignalExit: Int32 = 130
    /// What the thread allows beyond the drain limit before it ends the process itself.
    static let grace: Duration = .seconds(2)

    /// The pipe's writing end; −1 until `install`. Read inside the signal handler, hence atomic.
    private static let writer = Atomic<CInt>(-1)

    /// A peer that closes its end must be an error of one write, not the end of the process.
    package static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

    /// Once per process. `forced` runs when the process is about to be ended by force. `onReload` runs
    /// for each SIGHUP; without it that signal ends the process, as the system has it.
    package static func install(
        drainLimit: Duration, onSignal: @escaping @Sendable (_ number: CInt) -> Void,
        onReload: (@Sendable () -> Void)? = nil,
        forced: @escaping @Sendable (_ reason: StaticString) -> Void
    ) {
        var ends: [CInt] = [-1, -1]
        precondition(pipe(&ends) == 0, "the system refuses a pipe")
        // A child must not hold the ends; nothing is started between the two calls.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let reader = ends[0]
        writer.store(ends[1], ordering: .sequentiallyConsistent)
        startThread {
            var first = next(from: reader, within: nil) ?? SIGTERM
            while first == SIGHUP {
                onReload?()
                first = next(from: reader, within: nil) ?? SIGTERM
            }
            onSignal(first)
            let again = next(from: reader, within: drainLimit + grace)
            forced(again == nil ? "the drain limit has passed" : "a second signal")
            _exit(again == nil ? ExitCode.failure : secondSignalExit)
        }
        for number in [SIGTERM, SIGINT] + (onReload == nil ? [] : [SIGHUP]) {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                let saved = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(ShutdownSignals.writer.load(ordering: .relaxed), &byte, 1)
                errno = saved
            }
            action.sa_flags = SA_RESTART
            _ = sigaction(number, &action, nil)
        }
    }

    /// The next signal's number; nil when none came in time.
    private static func next(from reader: CInt, within limit: Duration?) -> CInt? {
        let isDraining = limit != nil
        let end = limit.map { MonotonicInstant.now.advanced(by: $0) }
        while true {
            let left = end.map { MonotonicInstant.now.duration(to: $0) }
            if let left, left <= .zero { return nil }
            var wait = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            let milliseconds = left.map { CInt(clamping: $0.components.seconds * 1_000 + 1_000) }
            guard poll(&wait, 1, min(milliseconds ?? -1, 60_000)) > 0 else { continue }
            var byte: UInt8 = 0
            guard read(reader, &byte, 1) == 1 else { continue }
            // A process that ends has nothing to reload.
            if !isDraining || CInt(byte) != SIGHUP { return CInt(byte) }
        }
    }

    private static func startThread(_ body: @escaping @Sendable () -> Void) {
        let context = Unmanaged.passRetained(ThreadBody(body))
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, context.toOpaque())
        precondition(result == 0, "the system refuses a thread")
        pthread_detach(thread)
    }

    private final class ThreadBody: Sendable {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
