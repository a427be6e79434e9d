import Basics
import HTTP
import HTTPClient
import Sockets
import Telemetry
import Testing

/// Runs `peer` with the accepting side, which says what it likes byte by byte, while `body` uses a
/// client against it. Nothing of either is left when this returns.
func withPeer(
    _ change: (inout ClientConfiguration) -> Void,
    _ peer: @escaping @Sendable (TCPListener) async throws -> Void,
    _ body: (Client, String) async throws -> Void
) async throws {
    let loop = try EventLoop(name: "client")
    loop.start()
    defer {
        loop.stop()
        loop.join()
    }
    let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
    var configuration = ClientConfiguration()
    change(&configuration)
    let client = Client(
        loop: loop, configuration: configuration,
        logger: Logger(service: "test", sink: MemorySink()))
    let playing = Task(executorPreference: loop) { try await peer(listener) }
    // A peer that waits for what does not come fails the test instead of holding it.
    let watchdog = loop.schedule(after: .seconds(30)) { playing.cancel() }
    let outcome: Result<Void, any Error>
    do {
        outcome = .success(try await body(client, "http://127.0.0.1:\(listener.port)/"))
    } catch {
        outcome = .failure(error)
        playing.cancel()
    }
    let played = await playing.result
    loop.cancel(watchdog)
    await client.closeIdle()
    await listener.close()
    try outcome.get()
    try played.get()
}

/// The same with a client's default limits.
func withPeer(
    _ peer: @escaping @Sendable (TCPListener) async throws -> Void,
    _ body: (Client, String) async throws -> Void
) async throws {
    try await withPeer({ _ in }, peer, body)
}

/// What tests wait for that does not come.
struct NeverCame: Error {}

/// Looks until `condition` holds, within a bound.
func until(_ loop: EventLoop, _ condition: () async throws -> Bool) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while !(try await condition()) {
        guard ContinuousClock.now < end else { throw NeverCame() }
        // Between two looks others get their turn, never instead of one.
        try await loop.sleep(for: .milliseconds(1))
    }
}

extension Client {
    func text(_ request: ClientRequest) async throws -> String {
        String(decoding: try await send(request).body.collect(), as: UTF8.self)
    }

    func text(_ url: String) async throws -> String { try await text(ClientRequest(url: url)) }

    func expect(
        _ text: String, from request: ClientRequest, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let found = try await self.text(request)
        #expect(found == text, sourceLocation: sourceLocation)
    }

    func expect(
        _ text: String, from url: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await expect(text, from: ClientRequest(url: url), sourceLocation: sourceLocation)
    }

    /// Waits until no connection is in use, and so many are unused.
    func untilIdle(_ count: Int) async throws {
        try await until(loop) { await connectionCounts() == (active: 0, idle: count) }
    }
}

extension TCPConnection {
    /// The bytes up to an empty line.
    func readHead() async throws -> String {
        var all: [UInt8] = []
        while !all.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            let some = try await read(upTo: 1, deadline: .after(.seconds(20)))
            guard !some.isEmpty else { throw SocketError(.closed, "premature end") }
            all += some
        }
        return String(decoding: all, as: UTF8.self)
    }

    func readExactly(_ count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let some = try await read(upTo: count - all.count, deadline: .after(.seconds(20)))
            guard !some.isEmpty else { throw SocketError(.closed, "premature end") }
            all += some
        }
        return all
    }

    func say(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Takes a request without a body, and answers it.
    func serve(_ answer: String) async throws {
        _ = try await readHead()
        try await say(answer)
    }

    /// Returns when the client has closed, in whichever way.
    func untilEnd() async {
        do {
            while !(try await read(deadline: .after(.seconds(20)))).isEmpty {}
        } catch {
            // Ignored: a reset is an end too; a time-out fails the test by its time limit.
        }
        close()
    }

    /// Whether the client cut the connection, as opposed to an orderly end.
    func wasCut() async -> Bool {
        defer { close() }
        do {
            while !(try await read(deadline: .after(.seconds(20)))).isEmpty {}
            return false
        } catch {
            return error.code == .connectionReset
        }
    }
}
