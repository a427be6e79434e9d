import Foundation

/// Who listens on a TCP port of this network namespace, so that "port in use" can say by whom.
///
/// Linux lists listening sockets with their inode in `/proc/net/tcp`, and a process's descriptors as
/// links `socket:[inode]`. Another user's process shows only to root. Names the program and not its
/// command line, which may hold other people's passwords.
package struct PortHolder: Sendable, Equatable, CustomStringConvertible {
    package let port: Int
    /// Nil, as is the name, when the process is another user's.
    package let pid: Int32?
    /// The kernel's name for the program, 15 bytes at most.
    package let name: String?

    package init(port: Int, pid: Int32?, name: String?) {
        self.port = port
        self.pid = pid
        self.name = name
    }

    package var description: String {
        guard let pid, let name else {
            return "another user's process (run as root to see which)"
        }
        return "\(name) (pid \(pid))"
    }

    /// The holder, or nil when nobody listens there. Blocks for some milliseconds.
    ///
    /// - Parameter proc: where the process file system is mounted; a test has one of its own.
    package static func find(_ port: Int, proc: String = "/proc") -> PortHolder? {
        let inodes = ["net/tcp", "net/tcp6"].flatMap { table in
            listeners(in: text(of: "\(proc)/\(table)") ?? "", port: port)
        }
        guard !inodes.isEmpty else { return nil }
        let links = Set(inodes.map { "socket:[\($0)]" })
        for pid in names(in: proc).compactMap(Int32.init) where holds(links, "\(proc)/\(pid)/fd") {
            let name = text(of: "\(proc)/\(pid)/comm")?.split(separator: "\n").first
            return PortHolder(port: port, pid: pid, name: name.map(String.init) ?? "unknown")
        }
        return PortHolder(port: port, pid: nil, name: nil)
    }

    /// Inodes of the listening sockets of a port in a table's text. Columns: number, local address
    /// `hex:port`, remote address, state (`0A` is listening), …, the tenth is the inode.
    static func listeners(in table: String, port: Int) -> [Substring] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: " ", omittingEmptySubsequences: true)
            guard columns.count >= 10, columns[3] == "0A",
                let digits = columns[1].split(separator: ":").last, Int(digits, radix: 16) == port
            else { return nil }
            return columns[9]
        }
    }

    private static func holds(_ links: Set<String>, _ folder: String) -> Bool {
        names(in: folder).contains { descriptor in
            // Ignored: the descriptor was closed between listing and reading.
            let link = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "\(folder)/\(descriptor)")
            return link.map(links.contains) ?? false
        }
    }

    private static func names(in folder: String) -> [String] {
        // Ignored: no /proc, another user's process, or one that has ended meanwhile: no names.
        (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    }

    /// The whole file. `/proc` answers a read with less than was asked for long before the end, and
    /// `FileManager.contents` takes the first such answer for the whole.
    private static func text(of path: String) -> String? {
        guard let file = FileHandle(forReadingAtPath: path) else { return nil }
        var bytes = Data()
        // Ignored: the process ended between opening and reading; what was read has to do.
        while let piece = try? file.read(upToCount: 1 << 16), !piece.isEmpty { bytes += piece }
        return String(decoding: bytes, as: UTF8.self)
    }
}
