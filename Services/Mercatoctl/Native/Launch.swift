import Foundation

/// How a long-running process is started, found ready and ended: enough to start it again later,
/// which is why it is stored in `run/stack.json` (mode 0600: the environment holds passwords).
package struct Launch: Sendable, Codable, Equatable {
    package enum Kind: String, Sendable, Codable {
        case postgres, redis, kafka, devbroker, jaeger, service
    }

    /// What must answer before the process counts as ready.
    package enum Readiness: Sendable, Codable, Equatable {
        case connects
        /// `GET path` on `port` answers 200.
        case answers(port: Int, path: String)
        /// Redis answers PING.
        case pongs
        /// `pg_isready` at this path says that connections are accepted.
        case postgres(program: String)
    }

    package var name: String
    package var kind: Kind
    package var program: String
    package var arguments: [String]
    package var environment: [String: String]
    /// Standard output and standard error.
    package var log: String
    /// The log that the program writes itself, where it does.
    package var ownLog: String?
    /// The port it serves; `portKey` is the environment key that changes it.
    package var port: Int
    package var portKey: String
    package var readiness: Readiness
    package var stopSignal: Int32
    package var stopSeconds: Int

    package init(
        name: String, kind: Kind, program: String, arguments: [String],
        environment: [String: String], log: String, ownLog: String? = nil, port: Int,
        portKey: String, readiness: Readiness, stopSignal: Int32, stopSeconds: Int
    ) {
        self.name = name
        self.kind = kind
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.log = log
        self.ownLog = ownLog
        self.port = port
        self.portKey = portKey
        self.readiness = readiness
        self.stopSignal = stopSignal
        self.stopSeconds = stopSeconds
    }

    /// Whether it serves but says that something it needs is missing. Blocks for at most a second.
    package func isDegraded() -> Bool {
        guard case .answers(let port, let path) = readiness,
            let answer = SocketProbe.status(port: port, path: path)
        else { return false }
        return answer.body.contains("\"degraded\"")
    }

    /// The last lines of what it said, in both its logs.
    package func logTail(lines: Int = 15) -> [String] {
        (ownLog.map { Folders.tail($0, lines: lines) } ?? []) + Folders.tail(log, lines: lines)
    }

    /// What every child gets of our own environment. Proxies, credentials and tokens of the caller
    /// have no business in a server.
    package static func baseEnvironment(
        _ own: [String: String] = ProcessInfo.processInfo.environment
    ) -> [String: String] {
        let wanted: Set<String> = [
            "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "JAVA_HOME",
        ]
        var result = own.filter { wanted.contains($0.key) }
        result["LANG"] = result["LANG"] ?? "C.UTF-8"
        result["PATH"] = result["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        return result
    }

    /// Whether the process answers now. Blocks for at most a second.
    package func answersNow() -> Bool {
        switch readiness {
        case .connects:
            SocketProbe.connects(port: port)
        case .answers(let port, let path):
            SocketProbe.status(port: port, path: path)?.code == 200
        case .pongs:
            SocketProbe.exchange(port: port, "PING\r\n")?.hasPrefix("+PONG") ?? false
        case .postgres(let program):
            (try? Command.run(  // Ignored: an unusable pg_isready means "not ready", asked again.
                program, ["-q", "-h", "127.0.0.1", "-p", String(port)]).status) == 0
        }
    }
}
