import Foundation
package import Glibc

/// Folders and small files of the state folder, with the rights each needs.
package enum Folders {
    /// Makes a folder and its parents; an existing one only gets the mode and owner.
    package static func make(_ path: String, mode: mode_t = 0o700, owner: Account? = nil)
        throws(NativeError)
    {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: [.posixPermissions: Int(0o755)])
        } catch {
            throw NativeError(.file, "cannot make the folder \(path): \(error)")
        }
        guard chmod(path, mode) == 0 else { throw failure("set the mode of", path) }
        if let owner, chown(path, owner.user, owner.group) != 0 {
            throw failure("give away", path)
        }
    }

    /// Writes a file that only its owner reads, through a new name, so no reader sees half of it.
    package static func writePrivate(_ text: String, to path: String, owner: Account? = nil)
        throws(NativeError)
    {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("write", temporary) }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                close(descriptor)
                throw failure("write", temporary)
            }
            written += count
        }
        if let owner, fchown(descriptor, owner.user, owner.group) != 0 {
            close(descriptor)
            throw failure("give away", temporary)
        }
        guard close(descriptor) == 0, rename(temporary, path) == 0 else {
            throw failure("write", path)
        }
    }

    /// A whole small file as text, or nil when it cannot be read (for /proc: the process has gone).
    package static func text(of path: String) -> String? {
        // `FileManager.contents` takes the first short read for the end, which /proc gives early.
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        do {
            return String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        } catch {
            // The process ended between opening and reading.
            return nil
        }
    }

    /// The last lines of a log, read from its last 64 KiB only.
    package static func tail(_ path: String, lines: Int = 20) -> [String] {
        guard let file = FileHandle(forReadingAtPath: path) else { return [] }
        // Ignored: a log that cannot be read yields no lines; the caller's error names the log.
        defer { try? file.close() }
        guard let size = try? file.seekToEnd() else { return [] }  // Ignored: as above.
        let start = size > 65_536 ? size - 65_536 : 0
        // Ignored: as above.
        guard (try? file.seek(toOffset: start)) != nil, let data = try? file.readToEnd() else {
            return []
        }
        return String(decoding: data, as: UTF8.self)
            .split(separator: "\n").suffix(lines).map(String.init)
    }

    /// Moves a log over `bytes` aside as `<log>.1`, so that logs of foreign servers are bounded too.
    package static func rotate(_ log: String, over bytes: Int = 10 << 20) {
        var status = stat()
        guard stat(log, &status) == 0, Int(status.st_size) > bytes else { return }
        rename(log, log + ".1")
    }

    package static func remove(_ path: String) throws(NativeError) {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw NativeError(.file, "cannot remove \(path): \(error)")
        }
    }

    static func failure(_ verb: String, _ path: String) -> NativeError {
        NativeError(.file, "cannot \(verb) \(path): \(String(cString: strerror(errno)))")
    }
}

/// A system account, by number.
package struct Account: Sendable, Equatable {
    package let name: String
    package let user: uid_t
    package let group: gid_t

    /// Looks an account up in the system's database.
    package init?(named name: String) {
        guard let entry = getpwnam(name) else { return nil }
        self.name = name
        self.user = entry.pointee.pw_uid
        self.group = entry.pointee.pw_gid
    }

    package static var isRoot: Bool { geteuid() == 0 }
}
