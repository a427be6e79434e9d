import Foundation
import Glibc
import Testing

@testable import Sockets

@Suite struct PortHolderTests {
    private static let header =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

    private static func line(_ local: String, _ state: String, inode: Int) -> String {
        "   0: \(local) 00000000:0000 \(state) 0:0 00:0 0 0 0 \(inode) 1\n"
    }

    @Test func `only a listening socket of the port counts`() {
        let table =
            Self.header + Self.line("0100007F:1FA6", "0A", inode: 4711)
            + Self.line("0100007F:1FA6", "01", inode: 4712)
            + Self.line("00000000:0016", "0A", inode: 4713)
        #expect(PortHolder.listeners(in: table, port: 0x1fa6) == ["4711"])
        #expect(PortHolder.listeners(in: table, port: 22) == ["4713"])
        #expect(PortHolder.listeners(in: table, port: 23) == [])
        #expect(PortHolder.listeners(in: "header\nshort line", port: 23) == [])
    }

    @Test func `this process is found as the holder of its own listener`() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try #require(listen(descriptor, 1) == 0)
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let named = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        try #require(named == 0)
        let port = Int(in_port_t(bigEndian: address.sin_port))
        let holder = try #require(PortHolder.find(port))
        #expect(holder.pid == getpid())
        #expect(holder.description.hasSuffix("(pid \(getpid()))"))
        #expect(PortHolder.find(1) == nil)
    }

    /// A pipe stands for /proc: it holds 64 KiB, so a table of 300 KiB cannot come in one piece.
    @Test func `a table that comes in pieces is read to its end`() throws {
        let proc = try folder()
        defer { try? FileManager.default.removeItem(atPath: proc) }  // Ignored: a leftover in /tmp.
        try #require(mkfifo("\(proc)/net/tcp", 0o600) == 0)
        let others = (0..<4_000).map { Self.line("0100007F:0016", "0A", inode: $0) }.joined()
        let table = Self.header + others + Self.line("0100007F:1FA6", "0A", inode: 4711)
        let writer = Thread {
            // Ignored: then the reader finds nothing, and the test says so.
            try? FileHandle(forWritingAtPath: "\(proc)/net/tcp")?.write(contentsOf: Data(table.utf8))
        }
        writer.start()
        #expect(
            PortHolder.find(0x1fa6, proc: proc) == PortHolder(port: 0x1fa6, pid: 42, name: "shop"))
    }

    @Test func `a holder whose descriptors cannot be read is another user's`() throws {
        let proc = try folder()
        defer { try? FileManager.default.removeItem(atPath: proc) }  // Ignored: a leftover in /tmp.
        try (Self.header + Self.line("0100007F:1FA6", "0A", inode: 1)).write(
            toFile: "\(proc)/net/tcp", atomically: false, encoding: .utf8)
        let holder = try #require(PortHolder.find(0x1fa6, proc: proc))
        #expect(holder.pid == nil)
        #expect(holder.description.contains("another user's process"))
    }

    /// A process file system with one process, 42, that has the socket 4711 open.
    private func folder() throws -> String {
        let proc = NSTemporaryDirectory() + "mercato-proc-\(UUID().uuidString)"
        let files = FileManager.default
        for part in ["net", "42/fd"] {
            try files.createDirectory(
                atPath: "\(proc)/\(part)", withIntermediateDirectories: true)
        }
        try files.createSymbolicLink(
            atPath: "\(proc)/42/fd/3", withDestinationPath: "socket:[4711]")
        try "shop\n".write(toFile: "\(proc)/42/comm", atomically: false, encoding: .utf8)
        return proc
    }
}
