import CLinux
import Glibc
import Synchronization
import Testing

@testable import Sockets

/// Looking whether anybody has a port.
@Suite(.timeLimit(.minutes(1)))
struct FreePortTests {
    /// An address of its own, so that no other test has the port.
    private static let host = "127.71.0.3"

    @Test func `a port with a listener is not free, also when it is shared`() async throws {
        try await withLoop { loop in
            for sharesPort in [false, true] {
                let listener = try TCPListener(
                    host: Self.host, port: 0, sharesPort: sharesPort, loop: loop)
                let error = #expect(throws: SocketError.self) {
                    try TCPListener.checkFree(host: Self.host, port: listener.port)
                }
                #expect(error?.code == .addressInUse(listener.port))
                await listener.close()
                try TCPListener.checkFree(host: Self.host, port: listener.port)
            }
        }
    }

    /// A server looks before it listens; whoever came in between would be cut off.
    @Test func `a look takes nobody's connection`() async throws {
        let port = try await withLoop { loop in
            let listener = try TCPListener(host: Self.host, port: 0, loop: loop)
            await listener.close()
            return listener.port
        }
        let isOver = Atomic(false)
        let taken = Mutex(0)
        let place = try SocketAddress(numeric: Self.host, port: port)
        let caller = try spawnThread(name: "caller") {
            while !isOver.load(ordering: .relaxed) {
                var address = place
                let number = unsafe clinux_stream_socket(&address.raw)
                // Nobody listens, so the refusal is there at once.
                let result = unsafe clinux_connect(number, &address.raw)
                var state = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
                if result == -EINPROGRESS { unsafe poll(&state, 1, 1_000) }
                if clinux_connect_result(number) == 0, result == 0 || result == -EINPROGRESS {
                    taken.withLock { $0 += 1 }
                }
                close(number)
            }
        }
        for _ in 0..<2_000 { try TCPListener.checkFree(host: Self.host, port: port) }
        isOver.store(true, ordering: .relaxed)
        joinThread(caller)
        #expect(taken.withLock { $0 } == 0)
    }
}
