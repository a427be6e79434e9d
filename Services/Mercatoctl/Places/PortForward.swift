import Foundation
import Glibc
import NativeServers
import Sockets
import Synchronization

/// One `kubectl port-forward` on a free local port. It ends with the pod that it chose, so it is
/// started again on the same port while the command works: a killed gateway is what chaos is for.
package final class PortForward: Sendable {
    /// From the start of kubectl to its first accepted connection.
    package static let readyWithin = Duration.seconds(20)
    /// How soon an ended kubectl is noticed.
    private static let lookEvery = Duration.milliseconds(200)

    package let port: Int
    private let kubectl: ExternalTool
    private let arguments: [String]
    private let log: String
    private let child: Mutex<ChildProcess>

    package var url: String { "http://127.0.0.1:\(port)" }

    private init(
        _ kubectl: ExternalTool, _ arguments: [String], port: Int, log: String, _ child: ChildProcess
    ) {
        self.kubectl = kubectl
        self.arguments = arguments
        self.port = port
        self.log = log
        self.child = Mutex(child)
    }

    static func open(
        _ kubectl: ExternalTool, namespace: String, _ target: KubernetesPlace.Target
    ) async throws -> PortForward {
        let port = try FreePort.any()
        let log = FileManager.default.temporaryDirectory.path + "/mercato-forward-\(getpid())-\(port).log"
        let arguments = [
            "--namespace", namespace, "port-forward", "service/\(target.service)",
            "\(port):\(target.port)", "--address", "127.0.0.1",
        ]
        let child = try await kubectl.start(arguments, log: log, port: port)
        let forward = PortForward(kubectl, arguments, port: port, log: log, child)
        do {
            try await Blocking.run { try child.waitUntilReady(within: Self.readyWithin) }
        } catch {
            let said = Folders.tail(log, lines: 3)
            await forward.close()
            throw CommandFailure(
                .failed, "kubectl port-forward to \(target.service):\(target.port) in \(namespace) failed",
                details: said.isEmpty ? ["is one of its pods ready? kubectl get pods"] : said)
        }
        return forward
    }

    /// Starts it again whenever it ended, until cancelled.
    func keepAlive(_ loop: EventLoop) async {
        while !Task.isCancelled {
            // Ignored: cancellation is what ends the wait.
            guard (try? await loop.sleep(for: Self.lookEvery)) != nil else { return }
            guard child.withLock({ $0.exit != nil }), !Task.isCancelled else { continue }
            // Ignored: without a pod it fails at once, and is tried again at the next look.
            guard let next = try? await kubectl.start(arguments, log: log, port: port) else { continue }
            child.withLock { $0 = next }
        }
    }

    /// Ends kubectl; nothing of it stays.
    package func close() async {
        let child = child.withLock { $0 }
        // Ignored: ending a child throws nothing; only the thread's wrapper could.
        try? await Blocking.run { child.stop() }
        unlink(log)
    }
}
