import Basics
import HTTP
import HTTPClient
import Sockets
import Synchronization
import Testing

/// Bodies that are made while they are sent.
@Suite(.timeLimit(.minutes(1)))
struct ClientUploadTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    private static let refusal =
        "HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much"

    /// Pieces on demand, counted; goes on for ever without a limit.
    private final class Source: AsyncSequence, Sendable {
        typealias Element = [UInt8]

        let piece: [UInt8]
        let limit: Int?
        let failure: (any Error)?
        let made = Atomic<Int>(0)
        let wasCancelled = Atomic<Bool>(false)

        init(_ size: Int, times limit: Int? = nil, then failure: (any Error)? = nil) {
            piece = [UInt8](repeating: 65, count: size)
            self.limit = limit
            self.failure = failure
        }

        var count: Int { made.load(ordering: .relaxed) }

        struct AsyncIterator: AsyncIteratorProtocol {
            let source: Source

            func next() async throws -> [UInt8]? {
                if Task.isCancelled { source.wasCancelled.store(true, ordering: .relaxed) }
                try Task.checkCancellation()
                guard source.count != source.limit else {
                    if let failure = source.failure { throw failure }
                    return nil
                }
                source.made.add(1, ordering: .relaxed)
                return source.piece
            }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: self) }
    }

    /// Gives pieces when the test says so.
    private final class Gated: AsyncSequence, Sendable {
        typealias Element = [UInt8]

        let queue = AsyncQueue<[UInt8]>(capacity: 1)
        let wasCancelled = Atomic<Bool>(false)

        struct AsyncIterator: AsyncIteratorProtocol {
            let gate: Gated

            func next() async throws -> [UInt8]? {
                let piece = await gate.queue.next()
                gate.wasCancelled.store(Task.isCancelled, ordering: .relaxed)
                try Task.checkCancellation()
                return piece
            }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(gate: self) }
    }

    private func put(_ url: String, _ upload: ClientUpload) -> ClientRequest {
        ClientRequest(method: .put, url: url, upload: upload)
    }

    @Test func `a body of known length is sent as it is, one of unknown length in chunks`()
        async throws
    {
        try await withPeer { listener in
            let only = try await listener.accept()
            let first = try await only.readHead().lowercased()
            #expect(first.contains("content-length: 9\r\n"))
            #expect(!first.contains("transfer-encoding"))
            #expect(try await only.readExactly(9) == Array("AAAAAAAAA".utf8))
            try await only.say(Self.ok)
            let second = try await only.readHead().lowercased()
            #expect(second.contains("transfer-encoding: chunked\r\n"))
            #expect(!second.contains("content-length"))
            let chunks = "3\r\nAAA\r\n3\r\nAAA\r\n0\r\n\r\n"
            #expect(try await only.readExactly(chunks.utf8.count) == Array(chunks.utf8))
            try await only.say(Self.ok)
            await only.untilEnd()
        } _: { client, url in
            try await client.expect("ok", from: put(url, ClientUpload(Source(3, times: 3), length: 9)))
            #expect(await client.connectionCounts() == (active: 0, idle: 1))
            try await client.expect("ok", from: put(url, ClientUpload(Source(3, times: 2))))
            #expect(await client.connectionCounts() == (active: 0, idle: 1))
            await client.closeIdle()
        }
    }

    @Test func `a body of no bytes is no stream`() async throws {
        try await withPeer { listener in
            let only = try await listener.accept()
            let head = try await only.readHead().lowercased()
            #expect(head.contains("content-length: 0\r\n"))
            try await only.say(Self.ok)
            await only.untilEnd()
        } _: { client, url in
            try await client.expect("ok", from: put(url, ClientUpload(Source(3, times: 0), length: 0)))
            await client.closeIdle()
        }
    }

    @Test func `U4: an answer before the end stops the upload, is relayed, and the connection is not used again`()
        async throws
    {
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            _ = try await first.readExactly(10)
            try await first.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo ")
            try await first.say("much")
            await first.untilEnd()
            let second = try await listener.accept()
            try await second.serve(Self.ok)
            await second.untilEnd()
        } _: { client, url in
            let gate = Gated()
            gate.queue.push([UInt8](repeating: 65, count: 10))
            let answer = try await client.send(put(url, ClientUpload(gate, length: 20)))
            #expect(answer.status == 413)
            #expect(try await answer.body.collect() == Array("too much".utf8))
            try await client.untilIdle(0)
            // Whoever waited for the next piece does so no longer.
            try await until(client.loop) { gate.wasCancelled.load(ordering: .relaxed) }
            try await client.expect("ok", from: url)
            await client.closeIdle()
        }
    }

    @Test func `U4: an endless upload ends with the peer's refusal`() async throws {
        let source = Source(64 * 1_024)
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            _ = try await first.readExactly(100_000)
            try await first.say(Self.refusal)
            await first.untilEnd()
        } _: { client, url in
            let answer = try await client.send(put(url, ClientUpload(source)))
            #expect(answer.status == 413)
            #expect(try await answer.body.collect() == Array("too much".utf8))
            try await client.untilIdle(0)
            let made = source.count
            try await client.loop.sleep(for: .milliseconds(5))
            #expect(source.count == made)
        }
    }

    @Test func `U4: a body that is there already is not forced on a peer that has refused it`()
        async throws
    {
        let wasRefused = AsyncSignal()
        try await withPeer { listener in
            let first = try await listener.accept()
            _ = try await first.readHead()
            try await first.say(Self.refusal)
            // Reads nothing of the body, as long as the client has not read the refusal.
            try await wasRefused.wait()
            let wasCut = await first.wasCut()
            #expect(wasCut)
        } _: { client, url in
            let request = ClientRequest(
                method: .post, url: url, body: [UInt8](repeating: 66, count: 32 << 20))
            let answer = try await client.send(request, deadline: .after(.seconds(20)))
            #expect(answer.status == 413)
            #expect(try await answer.body.collect() == Array("too much".utf8))
            try await client.untilIdle(0)
            wasRefused.raise()
        }
    }

    @Test func `U3, U4: interim responses do not stop an upload`() async throws {
        try await withPeer { listener in
            let only = try await listener.accept()
            _ = try await only.readHead()
            try await only.say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n")
            _ = try await only.readExactly(3_000_000)
            try await only.say(Self.ok)
            await only.untilEnd()
        } _: { client, url in
            let upload = ClientUpload(Source(10_000, times: 300), length: 3_000_000)
            try await client.expect("ok", from: put(url, upload))
            #expect(await client.connectionCounts() == (active: 0, idle: 1))
            await client.closeIdle()
        }
    }

    @Test func `the sequence is asked no faster than the peer reads`() async throws {
        let source = Source(64 * 1_024, times: 1_000)
        let mayRead = AsyncSignal()
        try await withPeer { listener in
            let only = try await listener.accept()
            try await mayRead.wait()
            _ = try await only.readHead()
            _ = try await only.readExactly(1_000 * 64 * 1_024)
            try await only.say(Self.ok)
            await only.untilEnd()
        } _: { client, url in
            let upload = ClientUpload(source, length: 1_000 * 64 * 1_024)
            async let answer = client.text(put(url, upload))
            // Until it stands still: what the kernels and the reader's read-ahead hold.
            var last = -1
            try await until(client.loop) {
                let now = source.count
                defer { last = now }
                try await client.loop.sleep(for: .milliseconds(20))
                return now > 0 && now == last
            }
            #expect(source.count < 500, "\(source.count) of 1000 pieces")
            mayRead.raise()
            #expect(try await answer == "ok")
            #expect(source.count == 1_000)
            await client.closeIdle()
        }
    }

    @Test(arguments: [(3, 10), (4, 10)])
    func `a body that is not as long as it said fails, and the peer sees a cut`(
        times: Int, length: Int
    ) async throws {
        try await withPeer { listener in
            let only = try await listener.accept()
            _ = try await only.readHead()
            let wasCut = await only.wasCut()
            #expect(wasCut)
        } _: { client, url in
            let upload = ClientUpload(Source(3, times: times), length: length)
            let failure = await #expect(throws: ClientError.self) {
                try await client.text(put(url, upload))
            }
            #expect(failure?.code == .invalidRequest)
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
        }
    }

    @Test(arguments: [nil, 100]) func `a body that fails is a cut, never an end`(length: Int?)
        async throws
    {
        struct Broken: Error {}
        try await withPeer { listener in
            let only = try await listener.accept()
            _ = try await only.readHead()
            let wasCut = await only.wasCut()
            #expect(wasCut)
        } _: { client, url in
            let upload = ClientUpload(Source(3, times: 2, then: Broken()), length: length)
            let failure = await #expect(throws: ClientError.self) {
                try await client.text(put(url, upload))
            }
            #expect(failure?.code == .invalidRequest)
            #expect(failure?.underlying is Broken)
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
        }
    }

    @Test func `cancelling the caller stops the upload and frees the connection`() async throws {
        let source = Source(64 * 1_024)
        try await withPeer { listener in
            let only = try await listener.accept()
            _ = try await only.readHead()
            await only.untilEnd()
        } _: { client, url in
            let call = Task { try await client.send(put(url, ClientUpload(source))) }
            try await until(client.loop) { source.count > 10 }
            call.cancel()
            let result = await call.result
            let failure = #expect(throws: ClientError.self) { try result.get() }
            #expect(failure?.code == .cancelled)
            #expect(await client.connectionCounts() == (active: 0, idle: 0))
            let made = source.count
            try await client.loop.sleep(for: .milliseconds(5))
            #expect(source.count <= made + 1)
        }
    }

    @Test func `U5: a sequence is not read twice for a connection that was closed`() async throws {
        let source = Source(3, times: 2)
        try await withPeer { listener in
            let first = try await listener.accept()
            try await first.serve(Self.ok)
            _ = try await first.readHead()
            await first.abort()
        } _: { client, url in
            try await client.expect("ok", from: url)
            let failure = await #expect(throws: ClientError.self) {
                try await client.text(put(url, ClientUpload(source)))
            }
            #expect(failure?.code == .reset)
            #expect(source.count <= 2)
        }
    }
}
