import HTTP
import Sockets
import Telemetry
import Testing

@testable import HTTPServer

@Suite(.timeLimit(.minutes(1)))
struct PeerLimitTests {
    @Test func `a peer has its number of connections, and gets a place back for each that ends`()
        async throws
    {
        try await withServer(limits: quickLimits { $0.connectionsPerPeerMax = 2 }) { running in
            let (first, second) = (try await running.client(), try await running.client())
            #expect(try await first.get("/hello").status == 200)
            #expect(try await second.get("/hello").status == 200)
            let third = try await running.client()
            // Closed at once, without an answer.
            #expect(try await third.rest() == "")
            await third.close()
            #expect(running.metrics.render().contains(#"code="connections_per_peer""#))
            #expect(try await first.get("/hello").status == 200)
            await first.close()
            while await running.server.connectionCount > 1, !Task.isCancelled { await Task.yield() }
            let fourth = try await running.client()
            #expect(try await fourth.get("/hello").status == 200)
            await second.close()
            await fourth.close()
        }
    }

    @Test func `peers are counted apart, and one without connections is forgotten`() {
        var count = PeerCount(connectionsMax: 1)
        for peer in ["192.0.2.1", "192.0.2.2"] {
            let isFirst = count.open(peer)
            let isSecond = count.open(peer)
            #expect(isFirst && !isSecond)
        }
        #expect(count.peers == 2)
        for peer in ["192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3"] { count.close(peer) }
        #expect(count.peers == 0)
        let again = count.open("192.0.2.1")
        #expect(again)
    }
}
