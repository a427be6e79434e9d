/// Words split into options and the rest.
struct Options {
    private static let withValue: Set<String> = [
        "on", "gateway", "admin", "jaeger", "wait", "service", "state", "reason", "profile", "rate",
        "duration", "json", "seed", "stock", "max-in-flight", "bound", "k6",
        "scenarios", "report",
    ]
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
