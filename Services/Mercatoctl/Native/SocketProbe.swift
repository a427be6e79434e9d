import Foundation
import Glibc

/// The smallest client there is: connects to a local port, says one thing, reads the answer.
/// Blocking, with a limit of one second; used only to ask whether a server is up.
package enum SocketProbe {
    package static func connects(port: Int) -> Bool {
        guard let descriptor = connect(port: port) else { return false }
        close(descriptor)
        return true
    }

    /// What came back for `text`, at most 64 KiB; nil when nobody answered.
    package static func exchange(port: Int, _ text: String) -> String? {
        guard let descriptor = connect(port: port) else { return nil }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
        else { return nil }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while answer.count < 65_536 {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            answer += chunk[0..<count]
            if text.hasPrefix("PING"), answer.last == UInt8(ascii: "\n") { break }
        }
        return answer.isEmpty ? nil : String(decoding: answer, as: UTF8.self)
    }

    /// Status and body of a `GET`, asked with `Connection: close`.
    package static func status(port: Int, path: String) -> (code: Int, body: String)? {
        let request = "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n"
        guard let answer = exchange(port: port, request), answer.hasPrefix("HTTP/1.1 "),
            let code = Int(answer.dropFirst(9).prefix(3))
        else { return nil }
        let body = answer.range(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) }
        return (code, body ?? "")
    }

    private static func connect(port: Int) -> Int32? {
        guard (1...65_535).contains(port) else { return nil }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        var address = FreePort.loopback(port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}
