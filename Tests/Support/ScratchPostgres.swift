package import Basics
import Foundation
package import NativeServers

/// A database of one test, with the two roles its service has in real life.
package struct ScratchDatabase: Sendable {
    package let name: String
    /// libpq conninfo of `<svc>_app`.
    package let appConninfo: Secret<String>
    /// libpq conninfo of `<svc>_owner`.
    package let ownerConninfo: Secret<String>
    package let server: PostgresServer
    package let port: Int

    /// Runs SQL as superuser through psql, for what a test must see or break from outside.
    @discardableResult
    package func asSuperuser(_ sql: String) async throws -> String {
        let (server, name) = (server, name)
        return try await Blocking.run { try server.run(sql, database: name) }
    }
}

/// One PostgreSQL server per test process, started by the first test that asks.
package actor ScratchPostgres {
    package static let shared = ScratchPostgres()

    private var starting: Task<RunningPostgres, any Error>?
    private var counter = 0
    private var lastCreation: Task<Void, any Error>?

    /// A fresh, uniquely named database for the service `name` (`order`, `cart`, …), with the roles
    /// `<name>_owner` and `<name>_app`, which all databases of that name share.
    package func database(_ name: String) async throws -> ScratchDatabase {
        counter += 1
        let database = "\(name)_\(counter)"
        let running = try await server()
        let password = Secret("scratch")
        let wanted = PostgresDatabase(
            name: database, service: name, ownerPassword: password, appPassword: password)
        let server = running.server
        let previous = lastCreation
        // Reason: databases are made one after the other (two CREATE ROLE of one name would race),
        // and the chain outlives the caller that made its last link.
        let creation = Task {
            _ = await previous?.result
            try await Blocking.run { try server.ensure(wanted) }
        }
        lastCreation = creation
        try await creation.value
        return ScratchDatabase(
            name: database,
            appConninfo: server.conninfo(database: database, user: wanted.app, password: password),
            ownerConninfo: server.conninfo(
                database: database, user: wanted.owner, password: password),
            server: server, port: server.port)
    }

    private func server() async throws -> RunningPostgres {
        if let starting { return try await starting.value }
        // Reason: the first caller starts the server for all; its cancellation must not end it.
        let task = Task { try await RunningPostgres.start() }
        starting = task
        return try await task.value
    }
}

/// A server that a test may also stop, kill and start again; `start()` gives one of its own.
package final class RunningPostgres: Sendable {
    package let server: PostgresServer
    private let child: ProcessBox

    private init(server: PostgresServer, child: ChildProcess) {
        self.server = server
        self.child = ProcessBox(child)
    }

    package static func start() async throws -> RunningPostgres {
        try await Blocking.run {
            let folder = try ScratchFolder.make("postgres")
            let secrets = try SecretFolder(path: folder + "/secrets")
            let server = try PostgresServer(
                name: "scratch", port: FreePort.any(), folder: folder + "/server",
                log: folder + "/postgres.log", secrets: secrets,
                // fsync protects from power loss only; a killed server loses nothing without it.
                settings: ["max_connections": "200", "fsync": "off", "shared_buffers": "64MB"])
            try server.prepare(durable: false)
            return RunningPostgres(server: server, child: try launch(server))
        }
    }

    /// kill -9 of the server and all its children.
    package func kill() async throws {
        let child = child.current
        try await Blocking.run { child.killNow() }
    }

    /// Starts it again on the same port with the same data.
    package func restart() async throws {
        let (server, box) = (server, child)
        try await Blocking.run {
            box.current.stop()
            box.replace(try Self.launch(server))
        }
    }

    package func stop() async throws {
        let child = child.current
        try await Blocking.run { child.stop() }
    }

    private static func launch(_ server: PostgresServer) throws -> ChildProcess {
        let child = try ChildProcess(server.launch)
        Watchdog.shared.watch(child.identity)
        try child.waitUntilReady(within: .seconds(60))
        return child
    }
}
