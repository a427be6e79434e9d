package import NativeServers
import Synchronization

/// A child process that can be replaced by its successor.
package final class ProcessBox: Sendable {
    private let child: Mutex<ChildProcess>

    package init(_ child: ChildProcess) { self.child = Mutex(child) }

    package var current: ChildProcess { child.withLock { $0 } }

    package func replace(_ next: ChildProcess) { child.withLock { $0 = next } }
}
