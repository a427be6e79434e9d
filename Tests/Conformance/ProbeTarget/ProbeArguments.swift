/// What the command line asks for.
struct ProbeArguments {
    /// A mistake in the arguments, as the person who typed them is told.
    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    static let usage = """
        usage: ProbeTarget --port N [--loops N] [--connections N] [--tls-port N --cert FILE --key FILE]
          --port N          listen on 127.0.0.1:N; 0 lets the kernel choose, the line says which
          --loops N         event loops, each with a listener of its own (default: 1)
          --connections N   open connections, in total and of one address (default: the server's)
          --tls-port N      the same over TLS; a second line says where
          --cert, --key     PEM files of the certificate chain and its key; SIGHUP reads them again
        """

    var port: Int
    var loops: Int
    /// Nil leaves the server's own limits.
    var connections: Int?
    /// Nil for plain HTTP only.
    var tls: (port: Int, chainPath: String, keyPath: String)?

    /// Each option once, as `--name value` or `--name=value`.
    init(_ words: some Sequence<String>) throws(Mistake) {
        var numbers: [String: Int] = [:]
        var paths: [String: String] = [:]
        var words = Array(words)[...]
        while let word = words.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard numbers[name] == nil, paths[name] == nil else {
                throw Mistake(description: "\(name) is given twice")
            }
            guard let value = parts.count > 1 ? String(parts[1]) : words.popFirst() else {
                throw Mistake(description: "\(name) needs a value")
            }
            if Self.files.contains(name) {
                paths[name] = value
            } else {
                numbers[name] = try Self.number(name, value)
            }
        }
        guard let port = numbers["--port"] else { throw Mistake(description: "--port is missing") }
        self.port = port
        loops = numbers["--loops"] ?? 1
        connections = numbers["--connections"]
        switch (numbers["--tls-port"], paths["--cert"], paths["--key"]) {
        case (nil, nil, nil): tls = nil
        case (let port?, let chain?, let key?): tls = (port, chain, key)
        default: throw Mistake(description: "--tls-port, --cert and --key belong together")
        }
    }

    private static func number(_ name: String, _ value: String) throws(Mistake) -> Int {
        guard let allowed = options[name] else { throw Mistake(description: "\(name) is not known") }
        guard let number = Int(value), allowed.contains(number) else {
            throw Mistake(
                description: "\(name) \(value): a number from \(allowed.lowerBound) to "
                    + "\(allowed.upperBound) is needed")
        }
        return number
    }

    private static let files: Set<String> = ["--cert", "--key"]

    private static let options: [String: ClosedRange<Int>] = [
        "--port": 0...65_535, "--tls-port": 0...65_535, "--connections": 1...1_000_000,
        "--loops": 1...64,
    ]
}
