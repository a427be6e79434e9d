import Basics
import Glibc
import Testing

@testable import Sockets

/// Several addresses of one host (RFC 8305). Addresses that never answer are listeners whose queue
/// is full: the kernel drops what arrives, as a broken route would.
@Suite(.timeLimit(.minutes(1)))
struct ConnectRaceTests {
    /// A listener that nobody can connect to any more.
    private struct BlackHole {
        let listener: TCPListener
        let filler: TCPConnection
        let address: SocketAddress

        init(_ host: String, on loop: EventLoop) async throws {
            listener = try TCPListener(host: host, port: 0, backlog: 0, loop: loop)
            address = try SocketAddress(numeric: host, port: listener.port)
            filler = try await TCPConnection.connect(
                host: host, port: listener.port, timeout: .seconds(5), on: loop)
        }

        func close() async {
            await filler.close()
            await listener.close()
        }
    }

    private func closedAddress(_ host: String, on loop: EventLoop) async throws -> SocketAddress {
        let listener = try TCPListener(host: host, port: 0, loop: loop)
        let address = try SocketAddress(numeric: host, port: listener.port)
        await listener.close()
        return address
    }

    /// Sockets of this machine that still wait for an answer from a port.
    private func handshakes(to port: Int) throws -> Int {
        let table = try #require(fopen("/proc/self/net/tcp", "r"))
        defer { fclose(table) }
        let hex = String(port, radix: 16, uppercase: true)
        let wanted = ":" + String(repeating: "0", count: 4 - hex.count) + hex
        var found = 0
        var line = [CChar](repeating: 0, count: 512)
        while fgets(&line, CInt(line.count), table) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            let columns = text.split(separator: " ")
            if columns.count > 3, columns[2].hasSuffix(wanted), columns[3] == "02" { found += 1 }
        }
        return found
    }

    private func settings(delay: Duration) -> ConnectSettings {
        var settings = ConnectSettings()
        settings.attemptDelay = delay
        return settings
    }

    @Test func `families alternate, beginning with the resolver's preference (RFC 8305 §4)`() throws {
        func address(_ host: String) throws -> SocketAddress {
            try SocketAddress(numeric: host, port: 80)
        }
        let six = try ["::1", "::2", "::3"].map(address)
        let four = try ["127.0.0.1"].map(address)
        func order(_ list: [SocketAddress]) -> [String] { ConnectRace.order(list).map(\.host) }
        #expect(order(six + four) == ["::1", "127.0.0.1", "::2", "::3"])
        #expect(order(four + six) == ["127.0.0.1", "::1", "::2", "::3"])
        #expect(order([]) == [])
    }

    @Test func `an address that never answers costs its delay, and is closed when another wins`()
        async throws
    {
        try await withLoop { loop in
            let hole = try await BlackHole("127.0.0.2", on: loop)
            let live = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
            let addresses = [
                hole.address, try SocketAddress(numeric: "127.0.0.1", port: live.port),
            ]
            let started = ContinuousClock.now
            let winner = try await TCPConnection.connect(
                toOneOf: addresses, "connect", deadline: .after(.seconds(30)),
                settings: settings(delay: .milliseconds(40)), on: loop)
            #expect(winner.peer.port == live.port)
            let took = started.duration(to: .now)
            #expect(took >= .milliseconds(40) && took < .seconds(15), "\(took)")
            let left = try handshakes(to: hole.listener.port)
            #expect(left == 0)
            await winner.close()
            await live.close()
            await hole.close()
        }
    }

    @Test func `a refused address does not make the next one wait`() async throws {
        try await withLoop { loop in
            let live = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
            let addresses = [
                try await closedAddress("127.0.0.2", on: loop),
                try await closedAddress("127.0.0.3", on: loop),
                try SocketAddress(numeric: "127.0.0.1", port: live.port),
            ]
            let winner = try await TCPConnection.connect(
                toOneOf: addresses, "connect", deadline: .after(.seconds(20)),
                settings: settings(delay: .seconds(3_600)), on: loop)
            #expect(winner.peer.port == live.port)
            await winner.close()
            await live.close()
        }
    }

    @Test func `when every address fails, the error says what became of each`() async throws {
        try await withLoop { loop in
            let hole = try await BlackHole("127.0.0.2", on: loop)
            let refused = try await closedAddress("127.0.0.3", on: loop)
            do throws(SocketError) {
                _ = try await TCPConnection.connect(
                    toOneOf: [hole.address, refused], "connect to shop:80",
                    deadline: .after(.milliseconds(60)),
                    settings: settings(delay: .milliseconds(1)), on: loop)
                Issue.record("connected to nobody")
            } catch {
                #expect(error.code == .timeout)
                #expect(error.operation.hasPrefix("connect to shop:80 ("))
                #expect(error.operation.contains("\(refused) connectionRefused"))
                #expect(error.operation.contains("\(hole.address) timeout"))
            }
            let left = try handshakes(to: hole.listener.port)
            #expect(left == 0)
            await hole.close()
        }
    }

    @Test func `several refusals are one refusal that names them all`() async throws {
        try await withLoop { loop in
            let first = try await closedAddress("127.0.0.2", on: loop)
            let second = try await closedAddress("127.0.0.3", on: loop)
            do throws(SocketError) {
                _ = try await TCPConnection.connect(
                    toOneOf: [first, second], "connect", deadline: .after(.seconds(20)), on: loop)
                Issue.record("connected to nobody")
            } catch {
                #expect(error.code == .connectionRefused)
                #expect(error.operation.contains("\(first)") && error.operation.contains("\(second)"))
            }
        }
    }

    @Test func `a cancelled caller leaves no handshake behind`() async throws {
        try await withLoop { loop in
            let hole = try await BlackHole("127.0.0.2", on: loop)
            let port = hole.listener.port
            let call = Task(executorPreference: loop) {
                try await TCPConnection.connect(
                    host: "127.0.0.2", port: port, timeout: .seconds(30), on: loop)
            }
            try await until(loop) { try handshakes(to: port) == 1 }
            call.cancel()
            let result = await call.result
            #expect(throws: SocketError(.cancelled, "connect to 127.0.0.2:\(port)")) {
                try result.get()
            }
            #expect(try handshakes(to: port) == 0)
            await hole.close()
        }
    }

    @Test func `no address at all is a name that was not found`() async throws {
        try await withLoop { loop in
            await #expect(throws: SocketError(.nameNotFound, "connect")) {
                try await TCPConnection.connect(
                    toOneOf: [], "connect", deadline: .after(.seconds(20)), on: loop)
            }
        }
    }

    @Test func `an unused connection is quiet until its peer speaks or leaves`() async throws {
        try await withLoop { loop in
            let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
            for speaks in [true, false] {
                let ours = try await TCPConnection.connect(
                    host: "127.0.0.1", port: listener.port, timeout: .seconds(5), on: loop)
                let theirs = try await listener.accept()
                #expect(await ours.isQuiet())
                if speaks {
                    try await theirs.write([1])
                    try await until(loop) { await !ours.isQuiet() }
                    #expect(await ours.bufferedCount == 1)
                } else {
                    await theirs.close()
                    try await until(loop) { await !ours.isQuiet() }
                    #expect(await ours.peerEnd == .finished)
                }
                await ours.close()
                #expect(await !ours.isQuiet())
                await theirs.close()
            }
            await listener.close()
        }
    }
}
