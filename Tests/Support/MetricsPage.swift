/// A `/metrics` page read back, strictly: what Prometheus would take with a shrug is an error here.
package struct MetricsPage: Sendable {
    /// What the page says of one name.
    package struct Family: Sendable, Equatable {
        package var type: String
        /// The label names of its series; `le` of a histogram is not among them.
        package var labels: Set<[String]> = []

        package init(type: String, labels: Set<[String]> = []) {
            self.type = type
            self.labels = labels
        }
    }

    package struct Malformed: Error, CustomStringConvertible {
        package let description: String
    }

    package private(set) var families: [String: Family] = [:]
    private var helped: Set<String> = []
    private var current = ""
    private var seen: Set<String> = []
    /// Count of each histogram's last bucket, by the series without `le`.
    private var buckets: [String: (below: Double, infinite: Double?)] = [:]

    /// - Throws: `Malformed` with the line that is wrong.
    package init(_ text: String) throws {
        guard text.isEmpty || text.hasSuffix("\n") else {
            throw Malformed(description: "the last line has no end")
        }
        for line in text.split(separator: "\n") {
            do {
                try read(String(line))
            } catch let error as Malformed {
                throw Malformed(description: "\(error.description): \(line)")
            }
        }
    }

    private mutating func read(_ line: String) throws {
        let words = line.split(separator: " ", maxSplits: 3).map(String.init)
        guard line.hasPrefix("#") else { return try sample(line) }
        guard words.count > 3 else { throw Malformed(description: "an empty comment") }
        switch words[1] {
        case "HELP":
            guard helped.insert(words[2]).inserted else {
                throw Malformed(description: "a second HELP")
            }
        case "TYPE":
            guard helped.contains(words[2]), families[words[2]] == nil else {
                throw Malformed(description: "a TYPE without HELP, or a second one")
            }
            families[words[2]] = Family(type: words[3])
            current = words[2]
        default: throw Malformed(description: "neither HELP nor TYPE")
        }
    }

    private mutating func sample(_ line: String) throws {
        let open = line.firstIndex(of: "{")
        let end = line.lastIndex(of: " ") ?? line.endIndex
        guard let value = Double(line[end...].dropFirst().replacing("Inf", with: "inf")) else {
            throw Malformed(description: "no number")
        }
        let name = String(line[..<(open ?? end)])
        let labels = try open.map { try Self.labels(line[$0..<end]) } ?? []
        guard seen.insert("\(name)\(labels)").inserted else {
            throw Malformed(description: "one series twice")
        }
        guard var family = families[current], name.hasPrefix(current) else {
            throw Malformed(description: "a sample outside of its family")
        }
        let part = name.dropFirst(current.count)
        if family.type == "histogram" {
            try histogram(String(part), labels, value)
        } else if !part.isEmpty {
            throw Malformed(description: "a sample outside of its family")
        }
        family.labels.insert(labels.map(\.0).filter { $0 != "le" })
        families[current] = family
    }

    /// Buckets are cumulative, end in `+Inf`, and agree with the count.
    private mutating func histogram(_ part: String, _ labels: [(String, String)], _ value: Double)
        throws
    {
        let key = "\(current)\(labels.filter { $0.0 != "le" })"
        switch part {
        case "_bucket":
            let last = buckets[key]?.below ?? 0
            guard value >= last else { throw Malformed(description: "a bucket below the last") }
            let isLast = labels.contains { $0 == ("le", "+Inf") }
            buckets[key] = (value, isLast ? value : nil)
        case "_count":
            guard buckets[key]?.infinite == value else {
                throw Malformed(description: "the count is not the +Inf bucket")
            }
        case "_sum": break
        default: throw Malformed(description: "no part of a histogram")
        }
    }

    /// `{a="x",b="y"}` as pairs, with the escapes undone.
    private static func labels(_ text: Substring) throws -> [(String, String)] {
        var pairs: [(String, String)] = []
        var rest = text.dropFirst()
        while let equal = rest.firstIndex(of: "="), rest.first != "}" {
            let name = String(rest[..<equal])
            rest = rest[equal...].dropFirst()
            guard rest.popFirst() == "\"" else { throw Malformed(description: "no quote") }
            var value = ""
            while let character = rest.popFirst(), character != "\"" {
                guard character == "\\" else {
                    value.append(character)
                    continue
                }
                switch rest.popFirst() {
                case "n": value.append("\n")
                case "\\": value.append("\\")
                case "\"": value.append("\"")
                default: throw Malformed(description: "an unknown escape")
                }
            }
            pairs.append((name, value))
            if rest.first == "," { rest = rest.dropFirst() }
        }
        guard rest == "}" else { throw Malformed(description: "labels without an end") }
        return pairs
    }
}
