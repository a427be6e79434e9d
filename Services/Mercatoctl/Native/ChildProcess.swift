import Glibc
import Synchronization

/// How a process ended.
package enum ExitStatus: Sendable, Equatable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)

    init(waitStatus: Int32) {
        let signal = waitStatus & 0x7f
        self = signal == 0 ? .code((waitStatus >> 8) & 0xff) : .signal(signal)
    }

    package var description: String {
        switch self {
        case .code(let code): "exit code \(code)"
        case .signal(let signal): "signal \(signal)"
        }
    }
}

/// A server that this process started. All waits block: call them through `Blocking.run`.
package final class ChildProcess: Sendable {
    package let launch: Launch
    package let identity: ProcessIdentity
    private let ended = Mutex<ExitStatus?>(nil)

    /// Starts it; its output goes to the launch's log.
    package init(_ launch: Launch) throws(NativeError) {
        Folders.rotate(launch.log)
        self.launch = launch
        let pid = try Spawn.start(
            launch.program, launch.arguments, environment: launch.environment,
            output: .log(launch.log))
        // Until we wait for it, the child's number cannot be used again, so reading it is no race.
        identity = ProcessIdentity(of: pid) ?? ProcessIdentity(pid: pid, startTicks: 0)
    }

    /// How it ended, nil while it runs.
    package var exit: ExitStatus? {
        ended.withLock { known in
            if known == nil {
                var status: Int32 = 0
                if waitpid(identity.pid, &status, WNOHANG) == identity.pid {
                    known = ExitStatus(waitStatus: status)
                } else if !identity.isRunning, kill(identity.pid, 0) != 0 {
                    known = .code(-1)
                }
            }
            return known
        }
    }

    @discardableResult
    package func signal(_ number: Int32) -> Bool {
        exit == nil && identity.signal(number)
    }

    /// Waits for its end; nil when it still runs after `limit`.
    package func waitForExit(within limit: Duration) -> ExitStatus? {
        let patience = Interruption()
        // Ignored: a switch of our own is never tripped, so the poll cannot throw.
        _ = try? patience.poll(within: limit, every: .milliseconds(5)) { exit != nil }
        return exit
    }

    /// Waits until the launch's readiness holds.
    ///
    /// - Throws: `.exited` or `.timedOut` with the last log lines, `.interrupted`.
    package func waitUntilReady(
        within limit: Duration, interruption: Interruption = Interruption()
    ) throws(NativeError) {
        let log = launch.ownLog ?? launch.log
        let ready = try interruption.poll(within: limit) { () throws(NativeError) -> Bool in
            if let exit = self.exit {
                throw NativeError(
                    .exited, "\(self.launch.name) ended while starting (\(exit)); its log: \(log)",
                    logTail: self.launch.logTail())
            }
            return self.launch.answersNow()
        }
        if !ready {
            throw NativeError(
                .timedOut, "\(launch.name) was not ready within \(limit); its log: \(log)",
                logTail: launch.logTail())
        }
    }

    /// Asks it to end as its launch says, and kills it with its children when it does not.
    package func stop() {
        guard exit == nil else { return }
        signal(launch.stopSignal)
        if waitForExit(within: .seconds(launch.stopSeconds)) == nil { killNow() }
    }

    package func killNow() {
        if exit == nil { identity.signal(SIGKILL, wholeGroup: true) }
        _ = waitForExit(within: .seconds(5))
    }
}

extension ProcessIdentity {
    /// Ends a process that an earlier program of ours started (so it is not our child to wait for).
    ///
    /// - Returns: whether it has ended.
    @discardableResult
    package func stop(signal number: Int32, within limit: Duration) -> Bool {
        let patience = Interruption()
        var status: Int32 = 0
        signal(number)
        // Ignored: a switch of our own is never tripped.
        _ = try? patience.poll(within: limit, every: .milliseconds(10)) { !isRunning }
        if isRunning {
            signal(SIGKILL, wholeGroup: true)
            // Ignored: as above.
            _ = try? patience.poll(within: .seconds(5), every: .milliseconds(10)) { !isRunning }
        }
        // Collects our own zombie.
        waitpid(pid, &status, WNOHANG)
        return !isRunning
    }
}
