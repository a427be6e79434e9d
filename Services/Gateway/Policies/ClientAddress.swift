import HTTP

/// Who is at the other end (RL-4): the socket's peer, unless that is a proxy we trust; then the
/// right-most hop of `X-Forwarded-For` that is not one. What stands further left is the client's own
/// claim. Must come first, before the field is removed.
struct ClientAddress: Sendable {
    /// More hops are not read.
    static let hopsMax = 32

    let trusted: [AddressRange]

    var middleware: Middleware {
        Middleware("client-address") { request, next in
            guard !trusted.isEmpty else { return try await next(request) }
            request.context.peer = address(
                peer: request.context.peer,
                forwarded: request.headers.values("x-forwarded-for").joined(separator: ","))
            return try await next(request)
        }
    }

    func address(peer: String, forwarded: String) -> String {
        var client = peer
        let hops = forwarded.split(separator: ",", omittingEmptySubsequences: false)
        for hop in hops.suffix(Self.hopsMax).reversed() {
            guard let last = IPAddress(client), trusted.contains(where: { $0.contains(last) }),
                let next = IPAddress(Self.host(hop.trimmingOptionalWhitespace))
            else { break }
            client = next.text
        }
        return client
    }

    /// Without a port: `192.0.2.1:80`, `[2001:db8::1]:80`.
    private static func host(_ hop: some StringProtocol) -> String {
        if hop.hasPrefix("[") { return String(hop.dropFirst().prefix { $0 != "]" }) }
        let parts = hop.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? String(parts[0]) : String(hop)
    }
}

/// Whose bucket it is.
enum Principal {
    /// The customer where there is one, else the address: never one bucket for all without a name
    /// (RL-4).
    static func key(_ kind: LimitPolicy.Principal, _ context: RequestContext) -> String {
        if kind == .customer, let customer = context.customer { return "customer:" + customer }
        return "ip:" + (IPAddress(context.peer)?.group ?? String(context.peer.prefix(64)))
    }
}
