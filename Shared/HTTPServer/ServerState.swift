import Basics
import HTTP
import Sockets
import Telemetry

/// What the connections of one server share. On its loop only, so that they ask it directly: it is
/// asked several times for each request.
// Reason: touched on the loop's thread only, by the server and the drivers that it makes.
final class ServerState: @unchecked Sendable {
    private let loop: EventLoop
    let limits: ServerLimits
    let routes: RouteTable
    let logger: Logger
    let instruments: ServerInstruments
    let runners: Runners
    var budget: BodyBudget
    /// No connection is kept after the answer under way; see `Server.letGo`.
    var isLettingGo = false
    private var dateSecond: Int64 = -1
    private var dateText = ""
    private var dateTurn: MonotonicInstant?

    init(
        limits: ServerLimits, routes: RouteTable, loop: EventLoop, logger: Logger,
        instruments: ServerInstruments
    ) {
        self.loop = loop
        self.limits = limits
        self.routes = routes
        self.logger = logger
        self.instruments = instruments
        runners = Runners(loop: loop)
        budget = BodyBudget(bytesMax: limits.bodyBytesMax)
    }

    /// The `Date` field's value. Made once a second, and looked at once in a turn of the loop.
    func date() -> String {
        let turn = loop.now
        if turn == dateTurn { return dateText }
        dateTurn = turn
        let now = WallTime.now()
        let second = now.microseconds / 1_000_000
        if second != dateSecond {
            dateSecond = second
            dateText = HTTPDate.text(now)
        }
        return dateText
    }
}
