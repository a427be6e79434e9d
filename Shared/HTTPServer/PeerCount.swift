import Synchronization

/// How many connections each peer has open. Peers without one leave no entry behind, so the table is
/// never larger than the server's number of connections.
struct PeerCount {
    private let connectionsMax: Int
    private var counts: [String: Int] = [:]

    init(connectionsMax: Int) { self.connectionsMax = connectionsMax }

    /// Peers with an open connection.
    var peers: Int { counts.count }

    /// False, and nothing counted, when the peer has as many as it may.
    mutating func open(_ peer: String) -> Bool {
        let count = counts[peer, default: 0]
        guard count < connectionsMax else { return false }
        counts[peer] = count + 1
        return true
    }

    mutating func close(_ peer: String) {
        guard let count = counts[peer] else { return }
        counts[peer] = count > 1 ? count - 1 : nil
    }
}

/// The same for all servers of a group: they are on several loops, and the limit is one.
final class SharedPeerCount: Sendable {
    private let count: Mutex<PeerCount>

    init(connectionsMax: Int) { count = Mutex(PeerCount(connectionsMax: connectionsMax)) }

    func open(_ peer: String) -> Bool { count.withLock { $0.open(peer) } }

    func close(_ peer: String) { count.withLock { $0.close(peer) } }
}
