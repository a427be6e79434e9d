import Foundation
import Glibc

/// A program run to its end with its output collected: initdb, psql, pg_isready, kafka-storage.
package enum Command {
    package struct Outcome: Sendable {
        package let status: Int32
        package let output: String
        package let errors: String
    }

    /// Runs it, blocking. `input` is written to its standard input (at most what a pipe holds by
    /// then is waited for, so keep it short of a few thousand lines).
    package static func run(
        _ program: String, _ arguments: [String],
        environment: [String: String] = Launch.baseEnvironment(), input: String? = nil,
        limit: Duration = .seconds(60), interruption: Interruption = Interruption()
    ) throws(NativeError) -> Outcome {
        let folder = FileManager.default.temporaryDirectory.path
        let stem = "\(folder)/mercato-\(getpid())-\(UUID().uuidString)"
        let output = try scratch(stem + ".out")
        let errors = try scratch(stem + ".err")
        defer {
            close(output)
            close(errors)
        }
        var source: Int32?
        if let input {
            let descriptor = try scratch(stem + ".in")
            let bytes = Array(input.utf8)
            guard write(descriptor, bytes, bytes.count) == bytes.count,
                lseek(descriptor, 0, SEEK_SET) == 0
            else { throw Folders.failure("write", stem) }
            source = descriptor
        }
        defer { if let source { close(source) } }
        let pid = try Spawn.start(
            program, arguments, environment: environment, input: source,
            output: .descriptors(output: output, error: errors))
        let status = try wait(for: pid, program, limit, interruption)
        return Outcome(status: status, output: contents(output), errors: contents(errors))
    }

    /// Starts a helper that reads `input` and is not waited for; its output goes nowhere.
    package static func spawnDetached(_ program: String, _ arguments: [String], input: Int32)
        throws(NativeError) -> ProcessIdentity
    {
        let pid = try Spawn.start(
            program, arguments, environment: Launch.baseEnvironment(), input: input,
            output: .log("/dev/null"))
        return ProcessIdentity(of: pid) ?? ProcessIdentity(pid: pid, startTicks: 0)
    }

    /// The first program of that name on PATH.
    package static func find(
        _ name: String, path: String? = ProcessInfo.processInfo.environment["PATH"]
    ) -> String? {
        (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
            .map { "\($0)/\(name)" }
            .first { access($0, X_OK) == 0 && !isFolder($0) }
    }

    private static func isFolder(_ path: String) -> Bool {
        var folder = ObjCBool(false)
        return FileManager.default.fileExists(atPath: path, isDirectory: &folder) && folder.boolValue
    }

    /// A file without a name: pipes would need a reader while we wait, a file does not.
    private static func scratch(_ path: String) throws(NativeError) -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Folders.failure("write", path) }
        unlink(path)
        return descriptor
    }

    private static func wait(
        for pid: pid_t, _ program: String, _ limit: Duration, _ interruption: Interruption
    ) throws(NativeError) -> Int32 {
        var status: Int32 = 0
        do throws(NativeError) {
            let ended = try interruption.poll(within: limit, every: .milliseconds(3)) {
                waitpid(pid, &status, WNOHANG) == pid
            }
            guard ended else {
                throw NativeError(.timedOut, "\(program) did not end within \(limit)")
            }
        } catch {
            kill(-pid, SIGKILL)
            waitpid(pid, &status, 0)
            throw error
        }
        guard case .code(let code) = ExitStatus(waitStatus: status) else { return -1 }
        return code
    }

    private static func contents(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var offset: off_t = 0
        while bytes.count < 1 << 20 {
            let count = pread(descriptor, &chunk, chunk.count, offset)
            guard count > 0 else { break }
            bytes += chunk[0..<count]
            offset += off_t(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
