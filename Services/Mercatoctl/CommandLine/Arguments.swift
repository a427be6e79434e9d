/// What the command line asks for.
package enum Request: Sendable, Equatable {
    case up, down, status, doctor, clean, help
    case demo(once: Bool)
    case seed(admin: String?)
    /// `waitSeconds`: how long to wait until nothing is under way any more.
    case check(waitSeconds: Int, admin: String?)
    case showOrder(id: String, admin: String?)
    case restart(name: String)
    case start(name: String)
    case stop(name: String)
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
          check [--wait SECONDS]  read every database and the provider's journal, verify the invariants
          order show ID           all that the services know about one order
          seed                    put the twelve demo products and their stock in
          restart | stop | start NAME   one process, named as in `status`
          doctor                  is this machine ready? what to do when not
          clean                   end everything and remove the data

        check, order and seed take --admin URL (default: the running stack's admin port).
        """

    package static func parse(_ words: [String]) throws(UsageError) -> Request {
        var rest = try Options(words)
        guard let command = rest.positional.first else { throw error("no command given") }
        if rest.flag("help") || command == "help" { return .help }
        rest.positional.removeFirst()
        let request = try request(command, &rest)
        if let extra = rest.positional.first {
            throw error("\(command) does not take \"\(extra)\"")
        }
        if let unknown = rest.unused.first {
            throw error("\(command) has no option --\(unknown)")
        }
        return request
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
        case "seed": return .seed(admin: try rest.value("admin"))
        case "check":
            return .check(
                waitSeconds: try seconds(&rest), admin: try rest.value("admin"))
        case "order":
            guard rest.next() == "show" else { throw error("order needs \"show ID\"") }
            guard let id = rest.next() else { throw error("order show needs an order id") }
            return .showOrder(id: id, admin: try rest.value("admin"))
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

    private static func seconds(_ rest: inout Options) throws(UsageError) -> Int {
        guard let text = try rest.value("wait") else { return 60 }
        guard let seconds = Int(text), (0...waitSecondsMax).contains(seconds) else {
            throw error("--wait is a number of seconds from 0 to \(waitSecondsMax), not \"\(text)\"")
        }
        return seconds
    }

    private static func error(_ message: String) -> UsageError {
        UsageError(message: message, hint: "try: mercatoctl help")
    }
}

/// Words split into options and the rest.
private struct Options {
    private static let withValue: Set<String> = ["admin", "wait"]
    var positional: [String] = []
    private var values: [String: String] = [:]
    private var flags: Set<String> = []

    init(_ words: [String]) throws(UsageError) {
        var index = words.startIndex
        while index < words.endIndex {
            let word = words[index]
            index += 1
            if word == "-h" {
                flags.insert("help")
            } else if word.hasPrefix("--"), let equals = word.firstIndex(of: "=") {
                values[String(word[..<equals].dropFirst(2))] =
                    String(word[word.index(after: equals)...])
            } else if word.hasPrefix("--") {
                let name = String(word.dropFirst(2))
                guard Self.withValue.contains(name) else {
                    flags.insert(name)
                    continue
                }
                guard index < words.endIndex else {
                    throw UsageError(
                        message: "--\(name) needs a value", hint: "try: mercatoctl help")
                }
                values[name] = words[index]
                index += 1
            } else {
                positional.append(word)
            }
        }
        if flags.contains("help"), positional.isEmpty { positional = ["help"] }
    }

    var unused: [String] { (Array(flags) + Array(values.keys)).sorted() }

    mutating func flag(_ name: String) -> Bool { flags.remove(name) != nil }

    mutating func value(_ name: String) throws(UsageError) -> String? {
        values.removeValue(forKey: name)
    }

    mutating func next() -> String? {
        positional.isEmpty ? nil : positional.removeFirst()
    }
}
