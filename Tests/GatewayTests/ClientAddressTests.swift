import HTTP
import Testing

@testable import GatewayService

@Suite struct ClientAddressTests {
    private func ranges(_ texts: String...) throws -> [AddressRange] {
        try texts.map { try #require(AddressRange($0)) }
    }

    @Test(arguments: [
        // A peer that is no proxy is itself, whatever it claims.
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"), ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        // The right-most hop that is not trusted; the left is the client's own claim.
        ("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"), ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("fd00::1", "[2001:db8::5]:443", "2001:db8:0:0:0:0:0:5"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
    ])
    func `the client is the peer, or the right-most hop that no proxy of ours is (RL-4)`(
        peer: String, forwarded: String, client: String
    ) throws {
        let address = ClientAddress(trusted: try ranges("10.0.0.0/8", "fd00::/8"))
        #expect(address.address(peer: peer, forwarded: forwarded) == client)
    }

    @Test func `a long list of hops is cut`() throws {
        let address = ClientAddress(trusted: try ranges("10.0.0.0/8"))
        let hops = Array(repeating: "10.0.0.2", count: 100_000).joined(separator: ",")
        #expect(address.address(peer: "10.0.0.1", forwarded: "6.6.6.6," + hops) == "10.0.0.2")
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::1", "0:0:0:0::/64"),
    ])
    func `IPv6 counts by /64, IPv4 by address (RL-4)`(text: String, group: String) throws {
        #expect(try #require(IPAddress(text)).group == group)
    }

    @Test(arguments: ["", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4x", ":::", "g::1"])
    func `other texts are no addresses`(text: String) {
        #expect(IPAddress(text) == nil)
        #expect(IPAddress("1.2.3.4\u{0}" + text) == nil)
    }

    @Test(arguments: ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.1/8", "fd00::1/8", "x/8", "/8"])
    func `other texts are no blocks`(text: String) { #expect(AddressRange(text) == nil) }

    @Test func `blocks hold what they say`() throws {
        let cases: [(String, String, Bool)] = [
            ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false), ("::/0", "::1", true),
            ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.128/25", "192.0.2.127", false), ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
        ]
        for (range, address, isIn) in cases {
            let range = try #require(AddressRange(range))
            #expect(range.contains(try #require(IPAddress(address))) == isIn, "\(range.text) \(address)")
        }
    }

    @Test func `a customer has a bucket of its own, nobody has that of the address (RL-4)`() {
        var context = RequestContext(peer: "192.0.2.7")
        #expect(Principal.key(.customer, context) == "ip:192.0.2.7")
        context.customer = "c"
        #expect(Principal.key(.customer, context) == "customer:c")
        #expect(Principal.key(.ip, context) == "ip:192.0.2.7")
    }
}
