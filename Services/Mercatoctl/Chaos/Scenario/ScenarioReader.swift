package import Configuration

/// Reads a scenario file. Whatever is not understood is refused with file, line and what is allowed.
///
/// ```
/// name: kill-payment
/// description: one line
/// hypothesis: one sentence
/// fault: {what: kill, target: payment, at: 5s, for: 10s}
/// load: {rate: 5, duration: 20s, patience: 10s, mix: {good: 8, declined: 1, no_stock: 1}}
/// limits: {quiescence: 60s, orders_in_fault: 20, confirmed_percent: 80}
/// where: [native, compose, kubernetes]
/// ```
package enum ScenarioReader {
    /// A run has at most so many orders.
    package static let ordersMax = 2_000

    package static func read(_ text: String, name: String) throws(YAMLError) -> ChaosScenario {
        try read(YAMLReader(try YAMLDocument.parse(text, name: name), name: name))
    }

    package static func load(path: String) throws(YAMLError) -> ChaosScenario {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return try read(YAMLReader(try YAMLDocument.load(path: path), name: name))
    }

    private static func read(_ reader: YAMLReader) throws(YAMLError) -> ChaosScenario {
        let keys = try reader.mapping()
        var scenario = ChaosScenario(
            name: try name(keys), description: try keys.text("description"),
            hypothesis: try keys.text("hypothesis"), fault: try fault(try keys.required("fault")),
            places: try places(keys))
        if let load = keys.optional("load") { scenario.load = try Self.load(load) }
        if let limits = keys.optional("limits") { scenario.limits = try Self.limits(limits) }
        try keys.finish()
        guard scenario.orders <= ordersMax else {
            throw reader.error("has \(scenario.orders) orders; allowed are \(ordersMax)")
        }
        guard scenario.fault.ends <= scenario.load.duration else {
            throw try keys.required("fault").error(
                "ends at \(Seconds.text(scenario.fault.ends)), but orders come only until "
                    + "\(Seconds.text(scenario.load.duration)); at + for must not be more")
        }
        return scenario
    }

    /// The name is also a file name in the reports.
    private static func name(_ keys: YAMLMapping) throws(YAMLError) -> String {
        let reader = try keys.required("name")
        let name = try reader.text(max: 64)
        let isPlain = name.utf8.allSatisfy {
            (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d
        }
        guard isPlain else {
            throw reader.error("\"\(name)\" is not made of a to z, 0 to 9 and - alone")
        }
        return name
    }

    private static func fault(_ reader: YAMLReader) throws(YAMLError) -> ChaosFault {
        let keys = try reader.mapping()
        let what = try keys.required("what")
        let action = try what.choice(ChaosFault.Action.self)
        let target = try keys.choice("target", of: ChaosTarget.self)
        var fault = ChaosFault(
            action, target,
            begins: try keys.duration("at", default: .seconds(5), in: .zero ... .seconds(600)),
            lasts: try keys.duration("for", default: .seconds(10), in: .seconds(1) ... .seconds(600)))
        if action == .provider {
            fault.mode = try keys.choice("mode", of: ChaosFault.ProviderMode.self)
            if fault.mode == .slow {
                fault.delay = try keys.duration(
                    "delay", default: .seconds(2), in: .milliseconds(10) ... .seconds(60))
            }
        }
        try keys.finish()
        if let needed = required(by: action), needed != target {
            throw what.error(
                "\(action.rawValue) needs the target \(needed.rawValue), not \(target.rawValue)")
        }
        return fault
    }

    /// Two actions make sense for one target only.
    private static func required(by action: ChaosFault.Action) -> ChaosTarget? {
        switch action {
        case .wipe: .broker
        case .provider: .paymentProvider
        case .kill, .pause, .restart, .disconnect, .scaleToZero: nil
        }
    }

    private static func load(_ reader: YAMLReader) throws(YAMLError) -> ChaosScenario.Load {
        let keys = try reader.mapping()
        var load = ChaosScenario.Load()
        load.rate = try keys.number("rate", default: load.rate, in: 0.1...50)
        load.duration = try keys.duration(
            "duration", default: load.duration, in: .seconds(1) ... .seconds(600))
        load.patience = try keys.duration(
            "patience", default: load.patience, in: .seconds(1) ... .seconds(60))
        if let mix = keys.optional("mix") { load.mix = try Self.mix(mix) }
        try keys.finish()
        return load
    }

    private static func mix(_ reader: YAMLReader) throws(YAMLError) -> OrderMix {
        let keys = try reader.mapping()
        let range = 0...OrderMix.partMax
        let mix = OrderMix(
            good: try keys.integer("good", in: 1...OrderMix.partMax),
            declined: try keys.integer("declined", default: 0, in: range),
            noStock: try keys.integer("no_stock", default: 0, in: range))
        try keys.finish()
        return mix
    }

    private static func limits(_ reader: YAMLReader) throws(YAMLError) -> ChaosScenario.Limits {
        let keys = try reader.mapping()
        var limits = ChaosScenario.Limits()
        limits.quiescence = try keys.duration(
            "quiescence", default: limits.quiescence, in: .seconds(1) ... .seconds(600))
        limits.ordersInFault = try keys.integer(
            "orders_in_fault", default: limits.ordersInFault, in: 1...ordersMax)
        limits.confirmedPercent = try keys.integer(
            "confirmed_percent", default: limits.confirmedPercent, in: 1...100)
        try keys.finish()
        return limits
    }

    private static func places(_ keys: YAMLMapping) throws(YAMLError) -> Set<PlaceKind> {
        guard let whereabouts = keys.optional("where") else { return Set(PlaceKind.allCases) }
        var places: Set<PlaceKind> = []
        for place in try whereabouts.list(max: PlaceKind.allCases.count) {
            places.insert(try place.choice(PlaceKind.self))
        }
        guard !places.isEmpty else {
            throw whereabouts.error(
                "is empty; allowed are \(PlaceKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return places
    }
}
