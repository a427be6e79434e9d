import Foundation
import Glibc

/// Where PostgreSQL's programs are: Debian and Ubuntu keep the servers off PATH, in one folder per
/// major version.
package struct PostgresPrograms: Sendable {
    package let folder: String
    package let major: Int

    package var initdb: String { folder + "/initdb" }
    package var postgres: String { folder + "/postgres" }
    package var psql: String { folder + "/psql" }
    package var isReady: String { folder + "/pg_isready" }

    /// The newest installed server, or the one of a given major version (data folders of one version
    /// cannot be opened by another).
    package static func find(major: Int? = nil) throws(NativeError) -> PostgresPrograms {
        let all = installed()
        if let wanted = major {
            guard let found = all.first(where: { $0.major == wanted }) else {
                throw NativeError(
                    .missing,
                    "the data was written by PostgreSQL \(wanted), which is not installed; "
                        + "install postgresql-\(wanted), or `mercatoctl clean` to start anew")
            }
            return found
        }
        guard let newest = all.first else {
            throw NativeError(
                .missing,
                "no PostgreSQL server found under /usr/lib/postgresql/*/bin nor on PATH; "
                    + "`make demo` installs it, or: apt-get install postgresql")
        }
        return newest
    }

    /// Newest first.
    private static func installed() -> [PostgresPrograms] {
        let root = "/usr/lib/postgresql"
        // Ignored: the folder does not exist where PostgreSQL comes from elsewhere; PATH is next.
        var versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [])
            .compactMap(Int.init)
            .map { PostgresPrograms(folder: "\(root)/\($0)/bin", major: $0) }
            .filter { access($0.postgres, X_OK) == 0 && access($0.initdb, X_OK) == 0 }
            .sorted { $0.major > $1.major }
        if let onPath = Command.find("postgres") {
            let folder = String(onPath.dropLast("/postgres".count))
            if let major = version(of: onPath), !versions.contains(where: { $0.major == major }) {
                versions.append(PostgresPrograms(folder: folder, major: major))
            }
        }
        return versions
    }

    /// `postgres (PostgreSQL) 15.20 (Debian …)` → 15.
    private static func version(of program: String) -> Int? {
        // Ignored: a program that does not tell its version is not offered.
        guard let outcome = try? Command.run(program, ["--version"]) else { return nil }
        return outcome.output.split(separator: " ").dropFirst(2).first
            .flatMap { $0.split(separator: ".").first }.flatMap { Int($0) }
    }
}

/// PostgreSQL refuses to run as root: as root its programs run as the account `postgres`.
enum PostgresAccount {
    static func forServers() throws(NativeError) -> Account? {
        guard Account.isRoot else { return nil }
        guard let account = Account(named: "postgres") else {
            throw NativeError(
                .missing, "there is no account `postgres` to run PostgreSQL as (it refuses root); "
                    + "the package postgresql-common makes it")
        }
        return account
    }

    /// The command line that runs `program` as the account.
    static func command(_ program: String, _ arguments: [String], as account: Account?)
        throws(NativeError) -> (program: String, arguments: [String])
    {
        guard let account else { return (program, arguments) }
        guard let setpriv = Command.find("setpriv") else {
            throw NativeError(.missing, "setpriv is missing; it is in the package util-linux")
        }
        let change = ["--reuid", account.name, "--regid", account.name, "--clear-groups"]
        return (setpriv, change + [program] + arguments)
    }
}
