import Basics
import Synchronization

@testable import Mercatoctl

/// The admin port's audits from memory. An audit can break off before its last line, as when a
/// service restarts or PostgreSQL ends a transaction that has idled.
final class FakeAudits: HTTPCalls {
    private let rows: [String: [String]]
    private let broken: Mutex<[String: Int]>
    private let asked = Mutex<[String: Int]>([:])

    /// - Parameters:
    ///   - rows: lines `{"t":…,"r":…}` by service.
    ///   - broken: how often a service's audit breaks off before it comes whole.
    init(_ rows: [String: [String]], broken: [String: Int] = [:]) {
        self.rows = rows
        self.broken = Mutex(broken)
    }

    /// How often a service was asked for its audit.
    func count(_ service: String) -> Int { asked.withLock { $0[service] ?? 0 } }

    var admin: AdminAPI { AdminAPI(url: "http://127.0.0.1:1", calls: self) }

    func call(
        _ method: String, _ url: String, headers: [String: String], body: [UInt8]?
    ) async throws -> HTTPAnswer { HTTPAnswer(status: 404, body: []) }

    func stream(
        _ url: String, headers: [String: String], limit: Deadline,
        _ piece: (_ bytes: [UInt8]) async throws -> Bool
    ) async throws -> Int {
        let service = String(url.split(separator: "/").dropLast().last ?? "")
        asked.withLock { $0[service, default: 0] += 1 }
        let breaks = broken.withLock { left in
            guard let times = left[service], times > 0 else { return false }
            left[service] = times - 1
            return true
        }
        let mine = rows[service] ?? []
        let head = #"{"t":"audit","r":{"service":"\#(service)","at":"x"}}"#
        let end = #"{"t":"end","r":{"rows":\#(mine.count)}}"#
        let lines = [head] + mine + (breaks ? [] : [end])
        _ = try await piece(Array((lines.joined(separator: "\n") + "\n").utf8))
        return 200
    }
}
