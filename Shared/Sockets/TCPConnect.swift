package import Basics

/// How several addresses of one host are tried (RFC 8305).
package struct ConnectSettings: Sendable {
    /// The next address is tried beside those under way when nothing has happened for this long
    /// (RFC 8305 §5 recommends 250 ms). A failure starts the next attempt at once.
    package var attemptDelay: Duration = .milliseconds(250)
    /// Where names are looked up.
    package var names = NameLookup.shared

    package init() {}
}

extension TCPConnection {
    /// Connects to the first address of `host` that answers, all within `timeout`.
    ///
    /// `host` is numeric or a name. Throws `.nameNotFound`, `.timeout`, `.cancelled`; when every
    /// address failed, the last one's code (`.connectionRefused`, `.unreachable`) and a text that
    /// says what became of each.
    package static func connect(
        host: String, port: Int, timeout: Duration, settings: ConnectSettings = .init(),
        limits: TCPLimits = .init(), on loop: EventLoop
    ) async throws(SocketError) -> TCPConnection {
        let operation = "connect to \(host):\(port)"
        let deadline = Deadline.after(timeout)
        let addresses = try await lookUp(host, port, operation, deadline, settings.names, loop)
        do throws(SocketError) {
            return try await connect(
                toOneOf: addresses, operation, deadline: deadline, settings: settings,
                limits: limits, on: loop)
        } catch {
            // The name may have moved since it was looked up.
            if error.code != .cancelled { settings.names.forget(host, port: port) }
            throw error
        }
    }

    /// Connects to the first of several addresses of one host that answers. `operation` begins the
    /// errors' text.
    package static func connect(
        toOneOf addresses: [SocketAddress], _ operation: String, deadline: Deadline,
        settings: ConnectSettings = .init(), limits: TCPLimits = .init(), on loop: EventLoop
    ) async throws(SocketError) -> TCPConnection {
        let race = ConnectRace(
            ConnectRace.order(addresses), operation, settings: settings, limits: limits, loop: loop)
        return try await race.winner(by: deadline)
    }

    private static func lookUp(
        _ host: String, _ port: Int, _ operation: String, _ deadline: Deadline,
        _ names: NameLookup, _ loop: EventLoop
    ) async throws(SocketError) -> [SocketAddress] {
        if let known = names.known(host, port: port) { return known }
        do {
            return try await loop.withTimeout(deadline.remaining) {
                try await names.addresses(of: host, port: port)
            }
        } catch let error as SocketError {
            throw error
        } catch is TimeoutError {
            throw SocketError(.timeout, "\(operation) (looking up the name)")
        } catch {
            throw SocketError(.cancelled, operation)
        }
    }
}
