/// What the command line asks for.
struct ProbeArguments: Equatable {
    /// A mistake in the arguments, as the person who typed them is told.
    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    static let usage = """
        usage: ProbeTarget --port N [--connections N]
          --port N          listen on 127.0.0.1:N; 0 lets the kernel choose, the line says which
          --connections N   open connections, in total and of one address (default: the server's)
        """

    var port: Int
    /// Nil leaves the server's own limits.
    var connections: Int?

    /// Each option once, as `--name value` or `--name=value`.
    init(_ words: some Sequence<String>) throws(Mistake) {
        var values: [String: Int] = [:]
        var words = Array(words)[...]
        while let word = words.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard let allowed = Self.options[name] else {
                throw Mistake(description: "\(name) is not known")
            }
            guard let value = parts.count > 1 ? String(parts[1]) : words.popFirst() else {
                throw Mistake(description: "\(name) needs a number")
            }
            guard let number = Int(value), allowed.contains(number) else {
                throw Mistake(
                    description: "\(name) \(value): a number from \(allowed.lowerBound) to "
                        + "\(allowed.upperBound) is needed")
            }
            guard values.updateValue(number, forKey: name) == nil else {
                throw Mistake(description: "\(name) is given twice")
            }
        }
        guard let port = values["--port"] else { throw Mistake(description: "--port is missing") }
        self.port = port
        connections = values["--connections"]
    }

    private static let options: [String: ClosedRange<Int>] = [
        "--port": 0...65_535, "--connections": 1...1_000_000,
    ]
}
