import Foundation
import Glibc

/// posix_spawn with what every child of ours needs: a session of its own (the terminal's Ctrl-C is
/// ours to handle), default signals, and no descriptor but the three given.
enum Spawn {
    enum Output {
        /// Append to this file; standard error too.
        case log(String)
        case descriptors(output: Int32, error: Int32)
    }

    /// `POSIX_SPAWN_SETSID` of <spawn.h>, which the Glibc module hides behind _GNU_SOURCE.
    private static let newSession: Int32 = 0x80

    static func start(
        _ program: String, _ arguments: [String], environment: [String: String],
        input: Int32? = nil, output: Output
    ) throws(NativeError) -> pid_t {
        closeOnExec()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        switch output {
        case .log(let path):
            let flags = O_WRONLY | O_CREAT | O_APPEND
            posix_spawn_file_actions_addopen(&actions, 1, path, flags, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        case .descriptors(let standard, let error):
            posix_spawn_file_actions_adddup2(&actions, standard, 1)
            posix_spawn_file_actions_adddup2(&actions, error, 2)
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = newSession | Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") }
        argv.append(nil)
        envp.append(nil)
        defer { for pointer in argv + envp { free(pointer) } }
        var pid: pid_t = 0
        var result = ETXTBSY
        // "Text file busy": a program written a moment ago is still open in a child that another
        // thread was just starting; it lets go within milliseconds.
        _ = try Interruption().poll(within: .seconds(2), every: .milliseconds(5)) {
            result = posix_spawn(&pid, program, &actions, &attributes, argv, envp)
            return result != ETXTBSY
        }
        guard result == 0 else {
            let cause = String(cString: strerror(result))
            throw NativeError(
                result == ENOENT ? .missing : .spawn, "cannot start \(program): \(cause)")
        }
        return pid
    }

    /// Keeps inherited descriptors (make's job server, a test runner's pipes) out of our servers:
    /// a daemon that holds a pipe open keeps its reader waiting for ever.
    private static func closeOnExec() {
        // Ignored: without /proc nothing else of this module works either.
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        for descriptor in entries.compactMap(Int32.init) where descriptor > 2 {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    }
}
