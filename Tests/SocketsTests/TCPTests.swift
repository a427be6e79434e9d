import Basics
import Glibc
import Testing

@testable import Sockets

/// Both ends of a loopback connection.
@discardableResult
func withPair<T>(
    on loop: EventLoop, limits: TCPLimits = .init(),
    _ body: (_ client: TCPConnection, _ server: TCPConnection) async throws -> T
) async throws -> T {
    let listener = try TCPListener(host: "127.0.0.1", port: 0, limits: limits, loop: loop)
    async let accepted = listener.accept()
    let client = try await TCPConnection.connect(
        host: "127.0.0.1", port: listener.port, timeout: .seconds(5), limits: limits, on: loop)
    let server = try await accepted
    await listener.close()
    do {
        let result = try await body(client, server)
        await client.close()
        await server.close()
        return result
    } catch {
        await client.close()
        await server.close()
        throw error
    }
}

extension TCPConnection {
    /// Exactly `count` bytes, or fewer at the end.
    func readAll(_ count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let some = try await read(upTo: count - all.count)
            if some.isEmpty { break }
            all += some
        }
        return all
    }
}

@Suite(.timeLimit(.minutes(1)))
struct TCPConnectionTests {
    @Test func `accepted and connected sockets have the options of theirs`() async throws {
        @Sendable func option(_ channel: TCPChannel, _ name: CInt) -> CInt {
            var (value, size) = (CInt(-1), socklen_t(MemoryLayout<CInt>.size))
            guard let number = channel.descriptor?.number else { return -1 }
            let result = getsockopt(number, CInt(IPPROTO_TCP), name, &value, &size)
            return result == 0 ? value : -1
        }
        try await withLoop { loop in
            try await withPair(on: loop, limits: .init(unsentMax: 77_000)) { client, server in
                for channel in [client.channel, server.channel] {
                    let found = try await onLoop(loop) {
                        [option(channel, TCP_NODELAY), option(channel, TCP_NOTSENT_LOWAT)]
                    }
                    #expect(found[0] != 0 && found[0] != -1)
                    #expect(found[1] == 77_000)
                }
            }
        }
    }

    @Test func `a queue of connections is accepted whole, and addresses are told`() async throws {
        try await withLoop { loop in
            let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
            // More than one turn takes, so that the listener meets a queue and its end.
            for round in 1...3 {
                var clients: [TCPConnection] = []
                for _ in 0..<5 {
                    clients.append(try await TCPConnection.connect(
                        host: "127.0.0.1", port: listener.port, timeout: .seconds(5), on: loop))
                }
                for _ in 0..<5 {
                    let server = try await listener.accept()
                    #expect(server.peerHost == "127.0.0.1", "round \(round)")
                    await server.close()
                }
                for client in clients { await client.close() }
            }
            await listener.close()
        }
    }

    @Test(arguments: ["0.0.0.0", "1.22.199.255", "10.100.0.9", "255.255.255.255", "::1"])
    func `an address as text is what it was made of`(_ text: String) throws {
        #expect(try SocketAddress(numeric: text, port: 80).host == text)
    }

    @Test func `bytes arrive in order and the orderly end reads as an empty array`() async throws {
        try await withLoop { loop in
            try await withPair(on: loop) { client, server in
                try await client.write(Array("hello ".utf8))
                try await client.write(Array("world".utf8))
                await client.finishWriting()
                let text = try await server.readAll(1_000)
                #expect(String(decoding: text, as: UTF8.self) == "hello world")
                // The other direction still works (half-closed).
                try await server.write([1, 2, 3])
                let answer = try await client.readAll(3)
                #expect(answer == [1, 2, 3])
            }
        }
    }

    @Test func `a megabyte passes a slow reader byte for byte, and read-ahead is bounded`()
        async throws
    {
        try await withLoop { loop in
            let limits = TCPLimits(readAheadMax: 8_192, receiveSize: 4_096)
            try await withPair(on: loop, limits: limits) { client, server in
                let bytes = (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                async let written: Void = client.write(bytes)
                var received: [UInt8] = []
                while received.count < bytes.count {
                    received += try await server.read(upTo: 10_000)
                    let ahead = await server.bufferedCount
                    #expect(ahead <= 8_192)
                }
                try await written
                #expect(received == bytes)
            }
        }
    }

    @Test func `a read ends at its deadline and the connection stays usable`() async throws {
        try await withLoop { loop in
            try await withPair(on: loop) { client, server in
                await #expect(throws: SocketError(.timeout, "read")) {
                    _ = try await server.read(deadline: .after(.milliseconds(5)))
                }
                try await client.write([7])
                let byte = try await server.read()
                #expect(byte == [7])
            }
        }
    }

    @Test func `a peer that does not read makes a write fail with a time-out`() async throws {
        try await withLoop { loop in
            let limits = TCPLimits(readAheadMax: 4_096, writeStall: .milliseconds(50))
            try await withPair(on: loop, limits: limits) { client, _ in
                await #expect(throws: SocketError(.timeout, "write")) {
                    for _ in 0..<100 {
                        try await client.write([UInt8](repeating: 0, count: 1_048_576))
                    }
                }
            }
        }
    }

    @Test func `the kernel takes little for a peer that does not read`() async throws {
        try await withLoop { loop in
            let limits = TCPLimits(
                readAheadMax: 4_096, unsentMax: 64 * 1_024, writeStall: .milliseconds(50))
            try await withPair(on: loop, limits: limits) { client, _ in
                // Without the bound all of it goes into the kernel's buffer at once.
                await #expect(throws: SocketError(.timeout, "write")) {
                    try await client.write([UInt8](repeating: 0, count: 1_048_576))
                }
            }
        }
    }

    @Test func `a reset is told to the reader and to the watcher of the peer`() async throws {
        try await withLoop { loop in
            try await withPair(on: loop) { client, server in
                let ends = Collector<PeerEnd>()
                try await server.onPeerEnd { ends.add($0) }
                await client.abort()
                let end = try await ends.wait(for: 1)[0]
                guard case .failed(let error) = end else {
                    Issue.record("expected a failure, got \(end)")
                    return
                }
                #expect(error.code == .connectionReset)
                await #expect(throws: SocketError.self) { _ = try await server.read() }
                await #expect(throws: SocketError.self) { try await server.write([1]) }
            }
        }
    }

    @Test func `an orderly end is told while nobody reads`() async throws {
        try await withLoop { loop in
            try await withPair(on: loop) { client, server in
                let ends = Collector<PeerEnd>()
                try await server.onPeerEnd { ends.add($0) }
                await client.close()
                let end = try await ends.wait(for: 1)
                #expect(end == [.finished])
            }
        }
    }

    @Test func `closing and cancelling end a waiting read`() async throws {
        try await withLoop { loop in
            try await withPair(on: loop) { client, server in
                let reader = Task { try await client.read() }
                reader.cancel()
                await #expect(throws: SocketError(.cancelled, "read")) { try await reader.value }
                let started = OneShot<Void>()
                let other = Task(executorPreference: loop) {
                    started.succeed()
                    return try await server.read()
                }
                try await started.value()
                await server.close()
                await #expect(throws: SocketError.self) { try await other.value }
            }
        }
    }

    @Test func `a cancellation at the very moment a read begins is not lost`() async throws {
        try await withLoop { loop in
            try await withPair(on: loop) { client, _ in
                for round in 0..<2_000 {
                    let reader = Task { try await client.read(deadline: .after(.seconds(20))) }
                    // From another thread, at another moment each time.
                    for _ in 0..<(round % 40) { await Task.yield() }
                    reader.cancel()
                    await #expect(throws: SocketError(.cancelled, "read")) {
                        try await reader.value
                    }
                }
            }
        }
    }

    @Test func `a thousand connections reuse descriptor numbers without crosstalk`() async throws {
        try await withLoop { loop in
            for round in 0..<1_000 {
                try await withPair(on: loop) { client, server in
                    let byte = UInt8(truncatingIfNeeded: round)
                    try await client.write([byte])
                    let got = try await server.read()
                    #expect(got == [byte])
                }
            }
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct TCPListenerTests {
    @Test func `a port in use is named`() async throws {
        try await withLoop { loop in
            let first = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
            do throws(SocketError) {
                _ = try TCPListener(host: "127.0.0.1", port: first.port, loop: loop)
                Issue.record("a second listener got the port")
            } catch {
                #expect(error.code == .addressInUse(first.port))
                #expect("\(error)".contains("port \(first.port) is already in use"))
            }
            await first.close()
        }
    }

    @Test func `a listener that keeps failing leaves the loop to others`() async throws {
        try await withLoop { loop in
            let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
            // A listening socket that was shut down fails every accept with EINVAL.
            let descriptor = try #require(Self.descriptor(listeningOn: listener.port))
            #expect(shutdown(descriptor, Int32(SHUT_RDWR)) == 0)
            let accept = Task(executorPreference: loop) {
                let connection = try await listener.accept()
                await connection.close()
            }
            try await loop.sleep(for: .milliseconds(10))
            accept.cancel()
            await #expect(throws: SocketError.self) { try await accept.value }
            await listener.close()
        }
    }

    private static func descriptor(listeningOn port: Int) -> Int32? {
        // Tests that run beside this one may have opened thousands.
        (3..<65_536).first { descriptor in
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutableBytes(of: &address) { bytes in
                getsockname(
                    descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
            }
            return result == 0 && Int(UInt16(bigEndian: address.sin_port)) == port
        }
    }

    @Test func `closing ends a waiting accept and refuses connections`() async throws {
        try await withLoop { loop in
            let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
            let started = OneShot<Void>()
            let accept = Task(executorPreference: loop) {
                started.succeed()
                return try await listener.accept()
            }
            try await started.value()
            await listener.close()
            await #expect(throws: SocketError(.closed, "accept")) { _ = try await accept.value }
            do {
                _ = try await TCPConnection.connect(
                    host: "127.0.0.1", port: listener.port, timeout: .seconds(5), on: loop)
                Issue.record("connected to a closed listener")
            } catch let error as SocketError {
                #expect(error.code == .connectionRefused)
            }
        }
    }

    @Test func `a name is looked up without the loop waiting for it`() async throws {
        try await withLoop { loop in
            let listener = try TCPListener(host: "127.0.0.1", port: 0, loop: loop)
            async let accepted = listener.accept()
            let client = try await TCPConnection.connect(
                host: "localhost", port: listener.port, timeout: .seconds(10), on: loop)
            let server = try await accepted
            #expect(client.peer.host == "127.0.0.1")
            await client.close()
            await server.close()
            await listener.close()
        }
    }

    @Test func `text that is no address is refused`() {
        #expect(throws: SocketError(.addressUnavailable, "address not an address")) {
            _ = try SocketAddress(numeric: "not an address", port: 1)
        }
        #expect(throws: SocketError.self) { _ = try SocketAddress(numeric: "::1", port: 65_536) }
    }
}
