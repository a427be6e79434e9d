import Basics
import HTTP
import Sockets
import Synchronization
import Testing

@testable import OrderService

/// What a client of an event stream has read so far.
final class StreamReader: BodyWriter {
    private let bytes = Mutex<[UInt8]>([])

    func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        self.bytes.withLock { $0 += bytes }
    }

    var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }

    var ids: [String] {
        var parser = ServerSentEventParser()
        // Ignored: what cannot be parsed is no event.
        return ((try? parser.append(bytes.withLock { $0 })) ?? []).compactMap(\.id)
    }

    var heartbeats: Int { text.split(separator: "\n").count { $0 == ": heartbeat" } }

    /// Follows the stream to its end, which comes within a bound.
    static func read(_ response: Response, on loop: EventLoop) async throws -> StreamReader {
        let reader = StreamReader()
        guard case .stream(_, let write) = response.body else {
            Issue.record("no stream but \(response.status)")
            return reader
        }
        try await loop.withTimeout(.seconds(10)) { try await write(reader) }
        return reader
    }

    /// Follows the stream while `body` runs, then leaves it.
    static func reading(
        _ response: Response, _ body: (StreamReader) async throws -> Void
    ) async throws {
        try await reading([response]) { try await body($0[0]) }
    }

    /// The same for several streams at once.
    static func reading(
        _ responses: [Response], _ body: ([StreamReader]) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var readers: [StreamReader] = []
            for response in responses {
                let reader = StreamReader()
                readers.append(reader)
                guard case .stream(_, let write) = response.body else {
                    Issue.record("no stream but \(response.status)")
                    continue
                }
                group.addTask {
                    do { try await write(reader) } catch is CancellationError {
                        // Ignored: this is how the test leaves.
                    }
                }
            }
            try await body(readers)
            group.cancelAll()
        }
    }
}

extension Dialogue {
    /// Asks for the order's event stream, as its customer.
    func open(after last: String? = nil) async throws -> Response {
        var headers: Headers = [:]
        headers["last-event-id"] = last
        return try await bench.respond(
            .get, "/v1/orders/\(order.id)/events", as: order.customerID, headers: headers)
    }
}
