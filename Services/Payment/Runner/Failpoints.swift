import Glibc
import Synchronization
import Telemetry

/// Places where a test lets this process die or stop (correctness.md §5). Armed by
/// `MERCATO_FAILPOINTS` ("F9=kill,F8=stop") or over the operations port; off otherwise.
final class Failpoints: Sendable {
    enum Place: String, Sendable, CaseIterable {
        /// Before the call to the provider.
        case beforeCall = "F8"
        /// Between the provider's answer and the second transaction.
        case afterAnswer = "F9"
    }

    enum Action: String, Sendable, CaseIterable {
        case kill, stop, off
    }

    /// Why a setting was refused.
    struct Invalid: Error, Sendable, CustomStringConvertible {
        let text: String
        var description: String {
            "'\(text)' is no failpoint: expected F8 or F9 = kill, stop or off"
        }
    }

    private let armed = Mutex<[Place: Action]>([:])
    private let logger: Logger
    private let perform: @Sendable (Action) -> Void

    /// `perform` is the action itself; tests put in their own.
    init(logger: Logger, perform: @escaping @Sendable (Action) -> Void = Failpoints.strike) {
        self.logger = logger
        self.perform = perform
    }

    func arm(_ place: Place, _ action: Action) {
        armed.withLock { $0[place] = action == .off ? nil : action }
        logger.warning(
            "failpoint set",
            ["failpoint": .string(place.rawValue), "action": .string(action.rawValue)])
    }

    /// Reads "F9=kill,F8=stop".
    func arm(_ text: String) throws(Invalid) {
        for part in text.split(separator: ",") {
            let sides = part.split(separator: "=", maxSplits: 1)
            guard sides.count == 2 else { throw Invalid(text: String(part)) }
            try arm(String(sides[0]), String(sides[1]))
        }
    }

    func arm(_ place: String, _ action: String) throws(Invalid) {
        guard let known = Place(rawValue: place), let action = Action(rawValue: action) else {
            throw Invalid(text: "\(place)=\(action)")
        }
        arm(known, action)
    }

    var summary: [String: String] {
        armed.withLock { armed in
            Dictionary(
                uniqueKeysWithValues: Place.allCases.map {
                    ($0.rawValue, (armed[$0] ?? .off).rawValue)
                })
        }
    }

    func hit(_ place: Place) {
        guard let action = armed.withLock({ $0[place] }) else { return }
        logger.warning("failpoint hit", ["failpoint": .string(place.rawValue)])
        perform(action)
    }

    private static func strike(_ action: Action) {
        switch action {
        case .kill: kill(getpid(), SIGKILL)
        case .stop: kill(getpid(), SIGSTOP)
        case .off: break
        }
    }
}
