import NativeServers

/// One Redis per test process for tests that only use it; `start()` gives one that a test may stop.
package actor ScratchRedis {
    package static let shared = ScratchRedis()

    private var starting: Task<RunningRedis, any Error>?

    /// The shared server's port on 127.0.0.1.
    package func port() async throws -> Int {
        if let starting { return try await starting.value.port }
        // Reason: the first caller starts the server for all; its cancellation must not end it.
        let task = Task { try await RunningRedis.start() }
        starting = task
        return try await task.value.port
    }
}

/// A Redis of one test.
package final class RunningRedis: Sendable {
    package let port: Int
    private let child: ProcessBox

    private init(port: Int, child: ChildProcess) {
        self.port = port
        self.child = ProcessBox(child)
    }

    package static func start() async throws -> RunningRedis {
        try await Blocking.run {
            let folder = try ScratchFolder.make("redis")
            let port = try FreePort.any()
            let launch = try RedisServer.launch(
                port: port, folder: folder, log: folder + "/redis.log")
            return RunningRedis(port: port, child: try begin(launch))
        }
    }

    package func stop() async throws {
        let child = child.current
        try await Blocking.run { child.stop() }
    }

    /// Starts it again on the same port, empty.
    package func restart() async throws {
        let box = child
        try await Blocking.run {
            box.current.stop()
            box.replace(try Self.begin(box.current.launch))
        }
    }

    private static func begin(_ launch: Launch) throws -> ChildProcess {
        let child = try ChildProcess(launch)
        Watchdog.shared.watch(child.identity)
        try child.waitUntilReady(within: .seconds(20))
        return child
    }
}
