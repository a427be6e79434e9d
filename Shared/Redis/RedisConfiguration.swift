package import Basics

/// Where Redis is and how long anybody waits for it. Redis is only a cache and a counter here, so
/// the waits are short: a slow Redis must cost less than not having one.
package struct RedisConfiguration: Sendable {
    /// A name or an address.
    package var host: String
    /// TCP port.
    package var port: Int
    /// Sent with the password; nil for the default user.
    package var user: String?
    /// Nil when Redis asks for none.
    package var password: Secret<String>?
    /// Number of the database, 0 unless the URL names one.
    package var database: Int
    /// From the first packet to the answered PING.
    package var connectTimeout: Duration
    /// A caller waits this long at most.
    package var commandTimeout: Duration
    /// A connection whose oldest command is unanswered for longer is given up.
    package var stallTimeout: Duration
    /// Commands without an answer at once.
    package var pendingMax: Int
    /// The longest value stored, in bytes.
    package var valueMax: Int

    package init(
        host: String = "127.0.0.1", port: Int = 6379, user: String? = nil,
        password: Secret<String>? = nil, database: Int = 0,
        connectTimeout: Duration = .milliseconds(50),
        commandTimeout: Duration = .milliseconds(20), stallTimeout: Duration = .seconds(1),
        pendingMax: Int = 1_024, valueMax: Int = 1 << 20
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
        self.connectTimeout = connectTimeout
        self.commandTimeout = commandTimeout
        self.stallTimeout = stallTimeout
        self.pendingMax = pendingMax
        self.valueMax = valueMax
    }

    /// From `redis://[user:password@]host[:port][/database]`; nil when it has another shape.
    package init?(url: String) {
        let prefix = "redis://"
        guard url.hasPrefix(prefix) else { return nil }
        self.init()
        var rest = url.dropFirst(prefix.count)
        if let slash = rest.firstIndex(of: "/") {
            let path = rest[rest.index(after: slash)...]
            guard path.isEmpty || Int(path) != nil else { return nil }
            database = Int(path) ?? 0
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            let credentials = rest[..<at]
            rest = rest[rest.index(after: at)...]
            guard let colon = credentials.firstIndex(of: ":") else { return nil }
            let name = String(credentials[..<colon])
            user = name.isEmpty ? nil : name
            password = Secret(String(credentials[credentials.index(after: colon)...]))
        }
        if let colon = rest.lastIndex(of: ":") {
            guard let number = Int(rest[rest.index(after: colon)...]),
                (1...65_535).contains(number)
            else { return nil }
            port = number
            rest = rest[..<colon]
        }
        guard !rest.isEmpty, database >= 0 else { return nil }
        host = String(rest)
    }

    var place: String { "\(host):\(port)" }
}
