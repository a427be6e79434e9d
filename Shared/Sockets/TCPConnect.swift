import Basics
import CLinux
import Glibc

extension TCPConnection {
    /// Connects to the first address of `host` that answers, all within `timeout`.
    ///
    /// `host` is numeric or a name. Throws `.nameNotFound`, `.connectionRefused`, `.unreachable`,
    /// `.timeout`, `.cancelled`; of several failures, the last one.
    package static func connect(
        host: String, port: Int, timeout: Duration, limits: TCPLimits = .init(), on loop: EventLoop
    ) async throws(SocketError) -> TCPConnection {
        let operation = "connect to \(host):\(port)"
        do {
            return try await loop.withTimeout(timeout) {
                var last: any Error = SocketError(.nameNotFound, operation)
                for address in try await NameLookup.addresses(of: host, port: port) {
                    do {
                        let socket = try await PendingConnection(to: address, on: loop)
                        return try await socket.established(limits)
                    } catch let error as SocketError where error.code != .cancelled {
                        last = error
                    }
                }
                throw last
            }
        } catch let error as SocketError {
            throw error
        } catch is TimeoutError {
            throw SocketError(.timeout, operation)
        } catch {
            throw SocketError(.cancelled, operation)
        }
    }
}

/// A socket whose handshake is under way.
private actor PendingConnection {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        // The loop outlives this actor, which holds it.
        unsafe loop.asUnownedSerialExecutor()
    }

    private let address: SocketAddress
    private var descriptor: FileDescriptor?

    init(to address: SocketAddress, on loop: EventLoop) async throws(SocketError) {
        var target = address
        let number = unsafe clinux_stream_socket(&target.raw)
        guard number >= 0 else { throw SocketError(result: number, "socket") }
        let owner = FileDescriptor(owning: number)
        let result = unsafe clinux_connect(number, &target.raw)
        guard result >= 0 || result == -EINPROGRESS else {
            throw SocketError(result: result, "connect to \(address)")
        }
        self.loop = loop
        self.address = address
        descriptor = consume owner
    }

    func established(_ limits: TCPLimits) async throws -> TCPConnection {
        guard let number = descriptor?.number else {
            throw SocketError(.closed, "connect to \(address)")
        }
        let cell = OneShot<Void>()
        let watch = try loop.watch(number, .writable) { _ in cell.succeed() }
        do {
            try await cell.value()
        } catch {
            loop.cancel(watch)
            throw error
        }
        loop.cancel(watch)
        let result = clinux_connect_result(number)
        guard result >= 0 else { throw SocketError(result: result, "connect to \(address)") }
        guard let owner = descriptor.take() else {
            throw SocketError(.closed, "connect to \(address)")
        }
        return try TCPConnection(owning: owner, peer: address, limits: limits, loop: loop)
    }
}
