import Foundation
import Glibc

/// One of our own programs as a process, and where their binaries are.
package enum ServiceProcess {
    /// The folder of the running executable: `swift build` puts all products side by side.
    /// `MERCATO_BIN` overrides it.
    package static func binaries(
        _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String {
        if let given = environment["MERCATO_BIN"], !given.isEmpty { return given }
        // Ignored: without /proc the name we were called by must do.
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: own).deletingLastPathComponent().path
    }

    /// A service that answers `/readyz` on its operations port.
    package static func launch(
        name: String, kind: Launch.Kind = .service, binaries: String, environment: [String: String],
        port: Int, portKey: String, operationsPort: Int, log: String,
        ownLog: String? = nil
    ) throws(NativeError) -> Launch {
        let program = "\(binaries)/\(name)"
        guard access(program, X_OK) == 0 else {
            throw NativeError(
                .missing, "the program \(name) is not in \(binaries); build it with `make build`, "
                    + "or name its folder in MERCATO_BIN")
        }
        var values = Launch.baseEnvironment()
        values.merge(environment) { $1 }
        return Launch(
            name: name, kind: kind, program: program, arguments: [], environment: values, log: log,
            ownLog: ownLog, port: port, portKey: portKey,
            readiness: .answers(port: operationsPort, path: "/readyz"), stopSignal: SIGTERM,
            stopSeconds: 20)
    }
}
