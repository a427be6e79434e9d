import HTTP

extension ClientConfiguration {
    /// How long a connection may stay unused after a response with these fields: our own limit, or
    /// less when the server says that it closes sooner (`Keep-Alive: timeout=N`, RFC 2068
    /// §19.7.1.1). Zero: not at all.
    func idleTime(after headers: Headers) -> Duration {
        var time = idleTimeout
        for token in headers.tokens("keep-alive") where token.hasPrefix("timeout=") {
            let digits = token.dropFirst("timeout=".count)
            guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 &- 0x30 < 10 }) else { continue }
            // More digits than fit say "for ever".
            guard let seconds = Int32(digits) else { continue }
            let theirs = Duration.seconds(seconds)
            let ours = theirs > keepAliveMargin * 2 ? theirs - keepAliveMargin : theirs / 2
            time = min(time, ours)
        }
        return max(.zero, time)
    }
}
