import Foundation
import Glibc

/// A Redis of ours: a cache on the loopback address that keeps nothing on disk.
package enum RedisServer {
    /// - Throws: `.missing` when redis-server is not installed.
    package static func launch(
        name: String = "redis", port: Int, portKey: String = "", folder: String, log: String
    ) throws(NativeError) -> Launch {
        guard let program = Command.find("redis-server") else {
            throw NativeError(
                .missing, "redis-server is not on PATH; `make demo` installs it, or: "
                    + "apt-get install redis-server")
        }
        try Folders.make(folder, mode: 0o700)
        return Launch(
            name: name, kind: .redis, program: program,
            arguments: [
                "--port", String(port), "--bind", "127.0.0.1", "--protected-mode", "yes",
                "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", folder,
                "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru",
            ],
            environment: Launch.baseEnvironment(), log: log, port: port, portKey: portKey,
            readiness: .pongs, stopSignal: SIGTERM, stopSeconds: 5)
    }
}
