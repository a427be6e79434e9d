package import Basics
import Resilience

/// Where a pool connects and how far it may go; every limit has a name.
package struct PoolConfiguration: Sendable {
    /// libpq connection string, with the password if there is one.
    package var conninfo: Secret<String>
    /// Shown in `pg_stat_activity` and as the metrics' `pool` label.
    package var name: String
    /// Connections at most, dedicated ones not counted.
    package var sizeMax: Int
    /// Connections kept open while `run()` runs.
    package var minimum: Int
    /// Callers that may wait for a connection at once.
    package var waitersMax: Int
    /// The longest a caller waits for a connection.
    package var acquireTimeout: Duration
    /// From name lookup to a usable session.
    package var connectTimeout: Duration
    /// The client's own limit for one round trip; above the server's `statement_timeout`.
    package var answerTimeout: Duration
    /// A connection older than this is replaced when it comes back.
    package var lifetime: Duration
    /// An idle connection above the minimum is closed after this.
    package var idleTime: Duration
    /// Dedicated connections open at once.
    package var dedicatedMax: Int
    /// What each session starts with (D18).
    package var settings: SessionSettings

    package init(
        conninfo: Secret<String>, name: String = "main", sizeMax: Int = 16, minimum: Int = 1,
        waitersMax: Int = 1_000, acquireTimeout: Duration = .seconds(2),
        connectTimeout: Duration = .seconds(5), answerTimeout: Duration = .seconds(10),
        lifetime: Duration = .seconds(1_800), idleTime: Duration = .seconds(60),
        dedicatedMax: Int = 8, settings: SessionSettings = .standard
    ) {
        precondition(sizeMax >= 1 && minimum >= 0 && minimum <= sizeMax && waitersMax >= 1)
        self.conninfo = conninfo
        self.name = name
        self.sizeMax = sizeMax
        self.minimum = minimum
        self.waitersMax = waitersMax
        self.acquireTimeout = acquireTimeout
        self.connectTimeout = connectTimeout
        self.answerTimeout = answerTimeout
        self.lifetime = lifetime
        self.idleTime = idleTime
        self.dedicatedMax = dedicatedMax
        self.settings = settings
    }

    var target: ConnectionTarget {
        ConnectionTarget(conninfo: conninfo, settings: settings, applicationName: name)
    }

    var connectionLimits: Connection.Limits {
        Connection.Limits(connect: connectTimeout, answer: answerTimeout)
    }

    var poolLimits: PoolStateMachine.Limits {
        PoolStateMachine.Limits(
            sizeMax: sizeMax, minimum: minimum, waitersMax: waitersMax, lifetime: lifetime,
            idleTime: idleTime)
    }

    /// Between failed attempts to connect.
    static let backoff = Backoff(base: .milliseconds(100), cap: .seconds(2))
}
