import Foundation

/// Who listens on a port, found through /proc: the socket's inode in /proc/net/tcp, then the process
/// that has it open. Another user's process shows only to root.
package struct PortHolder: Sendable, Equatable, CustomStringConvertible {
    package let port: Int
    package let pid: Int32?
    package let name: String?

    package var description: String {
        guard let pid, let name else {
            return "another user's process (run as root to see which)"
        }
        return "\(name) (pid \(pid))"
    }

    /// The holder, or nil when nobody listens there.
    package static func find(_ port: Int) -> PortHolder? {
        let inodes = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { table in
            listeningInodes(port, in: Folders.text(of: table) ?? "")
        }
        guard !inodes.isEmpty else { return nil }
        let links = Set(inodes.map { "socket:[\($0)]" })
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []  // Ignored: no /proc, no name.
        for pid in entries.compactMap(Int32.init) {
            let folder = "/proc/\(pid)/fd"
            // Ignored: another user's process, or one that ended meanwhile.
            let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            for descriptor in descriptors {
                // Ignored: the descriptor was closed between listing and reading.
                let link = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "\(folder)/\(descriptor)")
                if let link, links.contains(link) {
                    return PortHolder(port: port, pid: pid, name: ProcessIdentity.name(of: pid))
                }
            }
        }
        return PortHolder(port: port, pid: nil, name: nil)
    }

    /// Lines of /proc/net/tcp: `sl local_address rem_address st … inode`, address and port in
    /// hexadecimal; state 0A is LISTEN.
    static func listeningInodes(_ port: Int, in table: String) -> [Substring] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count > 9, fields[3] == "0A",
                let hexadecimal = fields[1].split(separator: ":").last,
                Int(hexadecimal, radix: 16) == port
            else { return nil }
            return fields[9]
        }
    }
}
