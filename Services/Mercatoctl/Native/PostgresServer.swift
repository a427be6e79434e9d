package import Basics
import Foundation
import Glibc

/// One PostgreSQL server of ours: its data folder, its command line, its superuser.
///
/// Waits and commands block: call them through `Blocking.run`.
package struct PostgresServer: Sendable {
    package let name: String
    package let port: Int
    package let portKey: String
    /// Holds `data/` and nothing else; belongs to the account that runs the server.
    package let folder: String
    package let log: String
    package let superuserPassword: Secret<String>
    /// Server settings beyond ours, for tests.
    package let settings: [String: String]
    let programs: PostgresPrograms
    let account: Account?

    package init(
        name: String, port: Int, portKey: String = "", folder: String, log: String,
        secrets: SecretFolder, settings: [String: String] = [:]
    ) throws(NativeError) {
        self.name = name
        self.port = port
        self.portKey = portKey
        self.folder = folder
        self.log = log
        self.settings = settings
        superuserPassword = try secrets.secret("postgres-\(name)-superuser")
        account = try PostgresAccount.forServers()
        let written = Folders.text(of: folder + "/data/PG_VERSION")
            .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        programs = try PostgresPrograms.find(major: written)
    }

    private var data: String { folder + "/data" }

    /// Makes the data folder unless it exists. It is built under another name and then moved, so an
    /// interrupted initdb leaves nothing that looks finished.
    package func prepare(
        durable: Bool = true, interruption: Interruption = Interruption()
    ) throws(NativeError) {
        try Folders.make(folder, mode: 0o700, owner: account)
        removeStalePidFile()
        guard Folders.text(of: data + "/PG_VERSION") == nil else { return }
        let fresh = folder + "/data.new"
        try Folders.remove(fresh)
        let passwordFile = folder + "/superuser.password"
        try Folders.writePrivate(superuserPassword.reveal() + "\n", to: passwordFile, owner: account)
        defer { unlink(passwordFile) }
        var arguments = [
            "-D", fresh, "-U", "postgres", "--encoding", "UTF8", "--locale", "C",
            "--data-checksums", "--auth", "scram-sha-256", "--pwfile", passwordFile,
        ]
        if !durable { arguments.append("--no-sync") }
        let command = try PostgresAccount.command(programs.initdb, arguments, as: account)
        let outcome = try Command.run(
            command.program, command.arguments, environment: environment, limit: .seconds(120),
            interruption: interruption)
        guard outcome.status == 0 else {
            throw NativeError(
                .command, "initdb for the database of \(name) failed (exit \(outcome.status))",
                logTail: outcome.errors.split(separator: "\n").suffix(20).map(String.init))
        }
        guard rename(fresh, data) == 0 else { throw Folders.failure("rename", fresh) }
    }

    /// A postmaster.pid left by a killed server names a number that may since belong to somebody
    /// else (always so after a container restart); PostgreSQL would then refuse to start.
    private func removeStalePidFile() {
        guard let first = Folders.text(of: data + "/postmaster.pid")?.split(separator: "\n").first,
            let pid = Int32(first)
        else { return }
        let command = Folders.text(of: "/proc/\(pid)/cmdline") ?? ""
        if !command.contains("postgres") { unlink(data + "/postmaster.pid") }
    }

    private var environment: [String: String] {
        var values = Launch.baseEnvironment()
        // The messages are parsed by people and tests in one language.
        values["LC_ALL"] = "C"
        values["LANG"] = nil
        return values
    }

    /// TCP on the loopback address only, no Unix socket: one way in, and no path length limit.
    package var launch: Launch {
        get throws(NativeError) {
            var values = [
                "listen_addresses": "127.0.0.1", "port": String(port),
                "unix_socket_directories": "", "logging_collector": "off",
                "log_line_prefix": "%m [%p] %u@%d ", "max_connections": "100",
                "timezone": "UTC", "log_timezone": "UTC",
            ]
            values.merge(settings) { $1 }
            let flags = values.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
            let command = try PostgresAccount.command(
                programs.postgres, ["-D", data] + flags, as: account)
            return Launch(
                name: "postgres-\(name)", kind: .postgres, program: command.program,
                arguments: command.arguments, environment: environment, log: log, port: port,
                portKey: portKey, readiness: .postgres(program: programs.isReady),
                // SIGINT is PostgreSQL's fast shutdown: sessions end, the data is flushed.
                stopSignal: SIGINT, stopSeconds: 20)
        }
    }
}
