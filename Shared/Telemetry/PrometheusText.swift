/// The Prometheus text exposition format 0.0.4.
enum PrometheusText {
    static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !isDigit(first) else { return false }
        return name.utf8.allSatisfy { byte in
            isLetter(byte) || isDigit(byte) || "_:".utf8.contains(byte)
        }
    }

    /// `a="x",b="y"`, sorted by name; empty text without labels.
    static func labels(_ labels: [String: String]) -> String {
        labels.sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\(escapedValue($0.value))\"" }
            .joined(separator: ",")
    }

    static func sample(_ name: String, _ labels: String, _ value: String) -> String {
        labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }

    /// Bucket counts are cumulative on the wire, and the last bucket is `+Inf`.
    static func samples(_ name: String, _ labels: String, _ histogram: Histogram) -> String {
        let seen = histogram.snapshot
        let prefix = labels.isEmpty ? "" : labels + ","
        var text = ""
        var below: UInt64 = 0
        for (index, count) in seen.counts.enumerated() {
            below += count
            let bound = index < histogram.bounds.count ? number(histogram.bounds[index]) : "+Inf"
            text += sample(name + "_bucket", prefix + "le=\"\(bound)\"", String(below))
        }
        text += sample(name + "_sum", labels, number(seen.sum))
        text += sample(name + "_count", labels, String(seen.count))
        return text
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return String(whole) }
        return "\(value)"
    }

    static func escapedHelp(_ text: String) -> String { escaped(text, quotes: false) }

    private static func escapedValue(_ text: String) -> String { escaped(text, quotes: true) }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
