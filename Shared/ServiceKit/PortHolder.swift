import Foundation

/// Finds the process that listens on a TCP port, so that "port in use" can say by whom.
///
/// Linux lists listening sockets with their inode in `/proc/net/tcp`, and a process's descriptors
/// as links `socket:[inode]`. Another user's processes cannot be read without privileges: then the
/// answer is nil.
struct PortHolder: Sendable, Equatable {
    let pid: Int
    /// The command line, cut at `commandMax` characters.
    let command: String

    static let commandMax = 200

    /// The listener of a port in this network namespace.
    static func find(port: Int, proc: String = "/proc") -> PortHolder? {
        let inodes = ["net/tcp", "net/tcp6"].flatMap { table in
            text(of: "\(proc)/\(table)").map { listeners(in: $0, port: port) } ?? []
        }
        guard !inodes.isEmpty else { return nil }
        let links = Set(inodes.map { "socket:[\($0)]" })
        let files = FileManager.default
        // Ignored: without /proc there is no answer, and a process may end while it is looked at.
        for entry in (try? files.contentsOfDirectory(atPath: proc)) ?? [] {
            guard let pid = Int(entry) else { continue }
            let folder = "\(proc)/\(pid)/fd"
            // Ignored: as above.
            for descriptor in (try? files.contentsOfDirectory(atPath: folder)) ?? [] {
                // Ignored: as above.
                let link = try? files.destinationOfSymbolicLink(atPath: "\(folder)/\(descriptor)")
                if let link, links.contains(link) {
                    return PortHolder(pid: pid, command: command(of: pid, proc: proc))
                }
            }
        }
        return nil
    }

    /// Inodes of the listening sockets of a port in a table's text. Columns: number, local address
    /// `hex:port`, remote address, state (`0A` is listening), …, the tenth is the inode.
    static func listeners(in table: String, port: Int) -> [String] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let columns = line.split(separator: " ", omittingEmptySubsequences: true)
            guard columns.count >= 10, columns[3] == "0A",
                let digits = columns[1].split(separator: ":").last, Int(digits, radix: 16) == port
            else { return nil }
            return String(columns[9])
        }
    }

    private static func command(of pid: Int, proc: String) -> String {
        let line = (text(of: "\(proc)/\(pid)/cmdline") ?? "")
            .split(separator: "\0").joined(separator: " ")
        return String(line.prefix(commandMax))
    }

    private static func text(of path: String) -> String? {
        // `FileManager.contents` takes the first short read for the end, which /proc gives early.
        // Ignored: a file of /proc that cannot be read has nothing to say.
        guard let data = try? FileHandle(forReadingAtPath: path)?.readToEnd() else { return nil }
        return String(decoding: data, as: UTF8.self)
    }
}

/// A port of this service is taken. Printed at the end of the process; exit code 4.
struct PortInUse: ExitCoded, CustomStringConvertible {
    /// The variable that sets the port, for example `MERCATO_PORT_ORDER`.
    let key: String
    let port: Int
    let holder: PortHolder?

    var exitCode: Int32 { ExitCode.portInUse }

    var description: String {
        let who =
            holder.map { "process \($0.pid) (\($0.command))" } ?? "a process of another user"
        return "\(key): port \(port) is in use by \(who)"
    }
}

/// The error of a program whose port is taken, naming who holds it; exit code 4.
package func portInUse(_ port: Int, key: String) -> any ExitCoded {
    PortInUse(key: key, port: port, holder: PortHolder.find(port: port))
}
