/// Dependencies of the product's targets as Package.swift states them, read as text: the calls of
/// `shared` and `service`, and targets spelled out in full. Tests may depend on anything.
struct Manifest {
    private(set) var dependencies: [String: Set<String>] = [:]

    init(_ text: String) {
        let file = Text(path: "Package.swift", text)
        let durable = file.occurrences(of: "let durable = [").first.map {
            Self.quoted(file.string($0..<(Self.end(file, from: $0 + "let durable = ".count))))
        }
        for (call, ending) in [("shared", ""), ("service", "Service")] {
            for arguments in Self.calls(call, in: file) {
                guard let name = Self.quoted(arguments).first, !name.contains("\\") else {
                    continue
                }
                let list = Self.cut(arguments, before: ["sql:", "c:", "embeds:", "main:"])
                var found = Set(Self.quoted(list).dropFirst())
                if list.contains("durable") { found.formUnion(durable ?? []) }
                dependencies[name + ending] = found
                if call == "service" {
                    dependencies[name + "Main"] = [name + "Service", "ServiceKit"]
                }
            }
        }
        for arguments in Self.calls(".target", in: file) + Self.calls(".executableTarget", in: file)
        {
            guard let name = Self.quoted(arguments).first, !name.contains("\\"),
                arguments.contains("name: \"\(name)\""), arguments.contains("dependencies:"),
                !arguments.contains("\"Tests/")
            else { continue }
            let list = arguments.split(separator: "dependencies:", maxSplits: 1).last.map(
                String.init)
            dependencies[name] = Set(Self.quoted(Self.cut(list ?? "", before: ["path:"])))
        }
    }

    /// The texts between the parentheses of each call of `name`.
    private static func calls(_ name: String, in file: Text) -> [String] {
        file.words(name + "(").map { offset in
            let open = offset + name.utf8.count
            return file.string((open + 1)..<end(file, from: open))
        }
    }

    /// The offset of the bracket that closes the one at `open`.
    private static func end(_ file: Text, from open: Int) -> Int {
        var depth = 0
        for offset in open..<file.bytes.count {
            switch file.byte(offset) {
            case UInt8(ascii: "("), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            if depth == 0 { return offset }
        }
        return file.bytes.count
    }

    private static func cut(_ text: String, before labels: [String]) -> String {
        labels.reduce(text) { rest, label in
            rest.split(separator: " " + label, maxSplits: 1, omittingEmptySubsequences: false)
                .first.map(String.init) ?? rest
        }
    }

    private static func quoted(_ text: String) -> [String] {
        text.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
}
