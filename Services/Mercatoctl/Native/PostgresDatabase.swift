package import Basics
import Foundation

/// A service's database and its two roles: `<svc>_owner` makes and migrates the tables,
/// `<svc>_app` may only use what it was granted.
package struct PostgresDatabase: Sendable {
    package let name: String
    package let owner: String
    package let app: String
    package let ownerPassword: Secret<String>
    package let appPassword: Secret<String>

    package init(
        name: String, service: String, ownerPassword: Secret<String>, appPassword: Secret<String>
    ) {
        self.name = name
        owner = "\(service)_owner"
        app = "\(service)_app"
        self.ownerPassword = ownerPassword
        self.appPassword = appPassword
    }
}

extension PostgresServer {
    /// Makes roles and database, or brings existing ones to the same state (passwords included).
    package func ensure(
        _ database: PostgresDatabase, interruption: Interruption = Interruption()
    ) throws(NativeError) {
        try run(rolesScript(database) + databaseScript(database), interruption: interruption)
    }

    /// Runs SQL as superuser through psql; the first error ends it.
    ///
    /// - Returns: rows, unaligned, one per line.
    @discardableResult
    package func run(
        _ script: String, database: String = "postgres",
        interruption: Interruption = Interruption()
    ) throws(NativeError) -> String {
        var environment = Launch.baseEnvironment()
        environment["PGPASSWORD"] = superuserPassword.reveal()
        environment["PGCONNECT_TIMEOUT"] = "5"
        environment["PGOPTIONS"] = "-c client_min_messages=warning"
        let outcome = try Command.run(
            programs.psql,
            [
                "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
                "-p", String(port), "-U", "postgres", "-d", database,
            ], environment: environment, input: script, interruption: interruption)
        guard outcome.status == 0 else {
            throw NativeError(
                .command, "psql failed on the database of \(name) (exit \(outcome.status))",
                logTail: outcome.errors.split(separator: "\n").suffix(20).map(String.init))
        }
        return outcome.output
    }

    /// libpq's key-value form, for a service's environment.
    package func conninfo(database: String, user: String, password: Secret<String>)
        -> Secret<String>
    {
        Secret(
            "host=127.0.0.1 port=\(port) dbname=\(database) user=\(user) "
                + "password=\(password.reveal())")
    }

    private func rolesScript(_ database: PostgresDatabase) -> String {
        let roles = [
            (database.owner, database.ownerPassword), (database.app, database.appPassword),
        ]
        // Passwords are our own hexadecimal digits and role names our own words: nothing to quote.
        return roles.map { role, password in
            """
            SELECT 'CREATE ROLE \(role) LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE'
            WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '\(role)') \\gexec
            ALTER ROLE \(role) PASSWORD '\(password.reveal())';

            """
        }.joined()
    }

    /// Quoted: `order` is a word of SQL.
    private func databaseScript(_ database: PostgresDatabase) -> String {
        """
        SELECT 'CREATE DATABASE "\(database.name)" OWNER \(database.owner)'
        WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '\(database.name)') \\gexec
        REVOKE ALL ON DATABASE "\(database.name)" FROM PUBLIC;
        GRANT CONNECT ON DATABASE "\(database.name)" TO \(database.app);
        \\connect "\(database.name)"
        ALTER SCHEMA public OWNER TO \(database.owner);
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
        GRANT USAGE ON SCHEMA public TO \(database.app);

        """
    }
}
