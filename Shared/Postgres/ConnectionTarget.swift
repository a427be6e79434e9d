import Basics
import CPostgres

/// Where to connect and what each session starts with.
struct ConnectionTarget: Sendable {
    /// libpq connection string: `postgresql://user:password@host:port/database` or pairs.
    let conninfo: Secret<String>
    let settings: SessionSettings
    let applicationName: String

    /// Host, port, database and user for messages: everything but the password.
    func place() throws(PostgresError) -> String {
        guard let found = parts() else {
            // libpq's own message may quote a piece of the password, so it is not shown.
            throw PostgresError(
                .connect("the configured database"),
                "the connection string cannot be parsed; expected "
                    + "postgresql://user:password@host:port/database or key=value pairs")
        }
        let host = found["host"] ?? found["hostaddr"] ?? "the default host"
        return "\(host):\(found["port"] ?? "5432")/\(found["dbname"] ?? "(default)")"
            + " as \(found["user"] ?? "(default user)")"
    }

    /// The connection string by keyword, the password among them; nil when it cannot be parsed.
    func parts() -> [String: String]? {
        // Safe: the list is read before it is freed, and freed exactly once.
        guard let options = unsafe PQconninfoParse(conninfo.reveal(), nil) else { return nil }
        defer { unsafe PQconninfoFree(options) }
        var found: [String: String] = [:]
        var at = unsafe options
        while let keyword = unsafe at.pointee.keyword {
            if let value = unsafe at.pointee.val {
                unsafe found[String(cString: keyword)] = unsafe String(cString: value)
            }
            unsafe at += 1
        }
        return found
    }

    /// Keywords and values for PQconnectStartParams. `dbname` comes first and is expanded as a
    /// connection string; what follows overrides it.
    var parameters: [(keyword: String, value: String)] {
        [
            ("dbname", conninfo.reveal()),
            ("application_name", applicationName),
            ("client_encoding", "UTF8"),
            ("options", settings.startupOptions),
            // A peer that vanished without a word is noticed after about 15 s.
            ("keepalives_idle", "5"), ("keepalives_interval", "5"), ("keepalives_count", "2"),
            ("tcp_user_timeout", "15000"),
        ]
    }
}

/// Server settings of a session. They travel in the start-up packet, so they cost no round trip.
package struct SessionSettings: Sendable {
    /// Values as `SET` would take them, by name.
    package private(set) var values: [String: String]

    /// D18: no statement, lock wait or forgotten transaction lasts long. Time zone and formats are
    /// fixed because rows are decoded from text.
    package static let standard = SessionSettings(
        values: [
            "timezone": "UTC", "datestyle": "ISO", "bytea_output": "hex",
            "statement_timeout": "5s", "lock_timeout": "2s",
            "idle_in_transaction_session_timeout": "5s",
        ])

    /// For schema changes: they may run long, but must not queue behind a lock for long.
    package static let migration = standard.with([
        "statement_timeout": "0", "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "60s",
    ])

    /// The same settings with some replaced or added, for example `idle_session_timeout` (D6).
    package func with(_ changes: [String: String]) -> SessionSettings {
        SessionSettings(values: values.merging(changes) { _, new in new })
    }

    /// `-c name=value` pairs; blanks and backslashes are escaped as the server unescapes them.
    var startupOptions: String {
        values.sorted { $0.key < $1.key }.map { name, value in
            var escaped = ""
            for character in value {
                if character == " " || character == "\\" { escaped += "\\" }
                escaped.append(character)
            }
            return "-c \(name)=\(escaped)"
        }.joined(separator: " ")
    }
}
