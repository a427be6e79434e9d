import Basics

extension LoadPlan {
    /// Takes the options of `load`; each mistake is named with what would be right.
    init(options rest: inout Options) throws(UsageError) {
        self.init()
        if let text = try rest.value("profile") {
            guard let profile = LoadProfile(rawValue: text) else {
                throw Arguments.error("--profile is \(LoadProfile.names), not \"\(text)\"")
            }
            self.profile = profile
        }
        rate = try Self.number(&rest, "rate", OpenLoop.rateRange) ?? rate
        if let text = try rest.value("duration") {
            guard let duration = Self.duration(text), duration <= OpenLoop.durationMax else {
                throw Arguments.error(
                    "--duration is a time like 30s or 2m, at most an hour, not \"\(text)\"")
            }
            self.duration = duration
        }
        maxInFlight =
            try Self.integer(&rest, "max-in-flight", 1...OpenLoop.inFlightMax) ?? maxInFlight
        seed = try Self.integer(&rest, "seed", 0...UInt64(Int64.max)) ?? seed
        flashStock = try Self.integer(&rest, "stock", Self.stockRange)
        jsonFile = try rest.value("json")
        k6Folder = try rest.value("k6")
        topsUp = !rest.flag("no-top-up")
        allowsRemote = rest.flag("allow-remote")
        if let text = try rest.value("bound") { bounds = try Self.bounds(text, profile) }
        guard flashStock == nil || profile == .flash else {
            throw Arguments.error("--stock is for --profile flash")
        }
    }

    /// `500ms`, `30s`, `2m`, `1h`; nil for anything else.
    static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let value = Int64(digits), value > 0, value < 1_000_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": return .milliseconds(value)
        case "s": return .seconds(value)
        case "m": return .seconds(value * 60)
        case "h": return .seconds(value * 3_600)
        default: return nil
        }
    }

    private static func number(_ rest: inout Options, _ name: String, _ range: ClosedRange<Double>)
        throws(UsageError) -> Double?
    {
        guard let text = try rest.value(name) else { return nil }
        guard let value = Double(text), range.contains(value) else {
            throw Arguments.error(
                "--\(name) is a number from \(range.lowerBound) to \(range.upperBound), "
                    + "not \"\(text)\"")
        }
        return value
    }

    private static func integer<Value: FixedWidthInteger>(
        _ rest: inout Options, _ name: String, _ range: ClosedRange<Value>
    ) throws(UsageError) -> Value? {
        guard let text = try rest.value(name) else { return nil }
        guard let value = Value(text), range.contains(value) else {
            throw Arguments.error(
                "--\(name) is a whole number from \(range.lowerBound) to \(range.upperBound), "
                    + "not \"\(text)\"")
        }
        return value
    }

    /// `accepted_p99_ms=300,failed_requests_share=0.02`.
    private static func bounds(_ text: String, _ profile: LoadProfile)
        throws(UsageError) -> [String: Double]
    {
        let names = LoadThresholds.names(of: profile)
        var bounds: [String: Double] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, names.contains(String(sides[0])), let value = Double(sides[1]),
                value.isFinite, value >= 0
            else {
                throw Arguments.error(
                    "--bound is NAME=VALUE with a name of \(names.joined(separator: ", ")), "
                        + "not \"\(part)\"")
            }
            bounds[String(sides[0])] = value
        }
        return bounds
    }
}
