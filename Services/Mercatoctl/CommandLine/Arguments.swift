/// What the command line asks for.
package enum Request: Sendable, Equatable {
    case up, down, status, doctor, clean, help
    case demo(once: Bool)
    case seed
    /// `waitSeconds`: how long to wait until every service is ready.
    case smoke(waitSeconds: Int)
    /// `waitSeconds`: how long to wait until nothing is under way any more.
    case check(waitSeconds: Int)
    case showOrder(id: String)
    case trace(order: String)
    /// `service`: only this one's dead letters.
    case deadLetters(DeadLetterRequest, service: String?)
    case load(LoadPlan)
    case chaos(ChaosRequest)
    case restart(name: String)
    case start(name: String)
    case stop(name: String)
}

/// A request, and which running Mercato it is meant for.
package struct Invocation: Sendable, Equatable {
    package let request: Request
    package let place: PlaceOptions

    package init(_ request: Request, _ place: PlaceOptions = PlaceOptions()) {
        self.request = request
        self.place = place
    }
}

/// A command line that cannot be understood; `hint` says what would be.
package struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String
    package let hint: String

    package var description: String { "\(message)\n\(hint)" }
}

/// Reads the words after the program's name: a command, its words, and `--option value` or
/// `--option=value` anywhere behind it.
package enum Arguments {
    package static let waitSecondsMax = 3_600

    package static let usage = """
        usage: mercatoctl <command>

          up                      start PostgreSQL, Redis, a broker and the services; keeps the data
          down                    end all of them; keeps the data
          status                  each process with pid, port, memory and readiness
          demo [--once]           start if needed, seed, place three orders, show their timelines
          smoke [--wait SECONDS]  place one order and follow it until it is confirmed
          check [--wait SECONDS]  read every database and the provider's journal, verify the invariants
          order show ID           all that the services know about one order
          trace ORDER             its trace as a tree, from Jaeger
          dlq list [--state STATE]            messages that could not be handled; open ones by default
          dlq show ID | replay ID | replay --all | discard ID --reason TEXT   [--service NAME]
          chaos [SCENARIO…]       break one part under load, judge what became of the orders; --list,
                                  --seed N, --scenarios FOLDER (deploy/chaos), --report FOLDER
          seed                    put the twelve demo products and their stock in
          load --profile browse|checkout|flash   customers at a fixed rate, a table, a verdict:
                                  [--rate N] [--duration 2m] [--json FILE] [--seed N] [--stock N]
                                  [--max-in-flight N] [--bound NAME=VALUE,…] [--no-top-up]
                                  [--allow-remote] [--k6 FOLDER: the same by k6's scripts]
          restart | stop | start NAME   one process, named as in `status`
          doctor                  is this machine ready? what to do when not
          clean                   end everything and remove the data

        Which Mercato (status, demo, smoke, check, order, trace, dlq, seed, load, chaos):
          --on native|compose|kubernetes   or MERCATO_ON; default: what runs here
          --gateway URL, --admin URL, --jaeger URL   or MERCATO_GATEWAY_URL, MERCATO_ADMIN_URL,
                                  MERCATO_JAEGER_URL; they win over --on
          MERCATO_ADMIN_TOKEN_FILE   the admin port's token; MERCATO_NAMESPACE   Kubernetes
        """

    /// Commands that talk to a running Mercato, wherever it runs.
    private static let withPlace: Set<String> = [
        "status", "demo", "smoke", "check", "order", "trace", "dlq", "seed", "load", "chaos",
    ]

    package static func parse(_ words: [String]) throws(UsageError) -> Invocation {
        var rest = try Options(words)
        guard let command = rest.positional.first else { throw error("no command given") }
        if rest.flag("help") || command == "help" { return Invocation(.help) }
        rest.positional.removeFirst()
        let request = try request(command, &rest)
        let place = withPlace.contains(command) ? try place(&rest) : PlaceOptions()
        if let extra = rest.positional.first {
            throw error("\(command) does not take \"\(extra)\"")
        }
        if let unknown = rest.unused.first {
            throw error("\(command) has no option --\(unknown)")
        }
        return Invocation(request, place)
    }

    private static func place(_ rest: inout Options) throws(UsageError) -> PlaceOptions {
        var place = PlaceOptions()
        if let text = try rest.value("on") {
            guard let kind = PlaceKind(rawValue: text) else {
                throw error("--on is \(PlaceOptions.kinds), not \"\(text)\"")
            }
            place.on = kind
        }
        place.gateway = try rest.value("gateway")
        place.admin = try rest.value("admin")
        place.jaeger = try rest.value("jaeger")
        return place
    }

    private static func request(_ command: String, _ rest: inout Options)
        throws(UsageError) -> Request
    {
        switch command {
        case "up": return .up
        case "down": return .down
        case "status": return .status
        case "doctor": return .doctor
        case "clean": return .clean
        case "demo": return .demo(once: rest.flag("once"))
        case "seed": return .seed
        case "smoke": return .smoke(waitSeconds: try seconds(&rest))
        case "check": return .check(waitSeconds: try seconds(&rest))
        case "order":
            guard rest.next() == "show" else { throw error("order needs \"show ID\"") }
            guard let id = rest.next() else { throw error("order show needs an order id") }
            return .showOrder(id: id)
        case "trace":
            guard let id = rest.next() else { throw error("trace needs an order id") }
            return .trace(order: id)
        case "dlq": return try deadLetters(&rest)
        case "load": return .load(try LoadPlan(options: &rest))
        case "chaos": return .chaos(try ChaosRequest(options: &rest))
        case "restart", "start", "stop":
            guard let name = rest.next() else {
                throw error("\(command) needs a name; `mercatoctl status` lists them")
            }
            return command == "restart" ? .restart(name: name)
                : command == "start" ? .start(name: name) : .stop(name: name)
        default:
            throw error("there is no command \"\(command)\"")
        }
    }

    private static func deadLetters(_ rest: inout Options) throws(UsageError) -> Request {
        let verb = rest.next()
        let service = try rest.value("service")
        func id() throws(UsageError) -> String {
            guard let id = rest.next() else {
                throw error("dlq \(verb ?? "") needs an id; `mercatoctl dlq list` shows them")
            }
            return id
        }
        switch verb {
        case "list":
            let state = try rest.value("state") ?? "open"
            guard DeadLetterRequest.states.contains(state) else {
                throw error(
                    "--state is \(DeadLetterRequest.states.joined(separator: ", ")), not \"\(state)\"")
            }
            return .deadLetters(.list(state: state), service: service)
        case "show": return .deadLetters(.show(id: try id()), service: service)
        case "replay" where rest.flag("all"): return .deadLetters(.replayAll, service: service)
        case "replay": return .deadLetters(.replay(id: try id()), service: service)
        case "discard":
            let id = try id()
            guard let reason = try rest.value("reason"), !reason.isEmpty else {
                throw error("dlq discard needs --reason TEXT: it is kept with the message")
            }
            return .deadLetters(.discard(id: id, reason: reason), service: service)
        default: throw error("dlq needs list, show, replay or discard")
        }
    }

    private static func seconds(_ rest: inout Options) throws(UsageError) -> Int {
        guard let text = try rest.value("wait") else { return 60 }
        guard let seconds = Int(text), (0...waitSecondsMax).contains(seconds) else {
            throw error("--wait is a number of seconds from 0 to \(waitSecondsMax), not \"\(text)\"")
        }
        return seconds
    }

    static func error(_ message: String) -> UsageError {
        UsageError(message: message, hint: "try: mercatoctl help")
    }
}
