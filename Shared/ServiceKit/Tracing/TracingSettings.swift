import Basics
import Configuration
import Telemetry

/// Where spans go and which: OpenTelemetry's standard variables, each with its standard default.
///
/// Nothing is exported unless an endpoint is set. A bad value ends the start with an error that names
/// the variable and what is allowed; the standard would have it ignored, which hides a typing error.
struct TracingSettings: Sendable {
    /// `http://host:port/path` of the collector.
    var endpoint: String
    /// Sent with each batch; may hold a token.
    var headers: [(name: String, value: Secret<String>)]
    /// For one attempt to deliver a batch.
    var timeout: Duration
    /// Spans that may wait for delivery.
    var queueMax: Int
    /// Spans of one batch.
    var batchMax: Int
    /// A batch that is not full leaves after this.
    var scheduleDelay: Duration
    /// What identifies this process, `service.name` among it.
    var resource: SpanAttributes
    var sampler: Sampler

    /// Nil when no spans are to leave the process. All variables are checked even then.
    static func read(_ environment: EnvironmentReader, service: String) throws -> TracingSettings? {
        let isDisabled = try environment.flag("OTEL_SDK_DISABLED", default: false)
        let exporter = try environment.choice(
            "OTEL_TRACES_EXPORTER", default: "otlp", of: ["otlp", "none"])
        for key in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            _ = try environment.choice(key, default: "http/json", of: ["http/json"])
        }
        let endpoint = try TraceEndpoint.read(environment)
        let queueMax = try environment.integer(
            "OTEL_BSP_MAX_QUEUE_SIZE", default: 2_048, in: 1...1_000_000)
        let batchMax = try environment.integer(
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", default: min(512, queueMax), in: 1...queueMax)
        let settings = TracingSettings(
            endpoint: endpoint ?? "", headers: try KeyValueList.headers(environment),
            timeout: try timeout(environment), queueMax: queueMax, batchMax: batchMax,
            scheduleDelay: try environment.milliseconds(
                "OTEL_BSP_SCHEDULE_DELAY", default: .seconds(5),
                in: .milliseconds(1)...(.seconds(600))),
            resource: try resource(environment, service), sampler: try sampler(environment))
        return endpoint == nil || isDisabled || exporter == "none" ? nil : settings
    }

    private static func timeout(_ environment: EnvironmentReader) throws -> Duration {
        let range: ClosedRange<Duration> = .milliseconds(1)...(.seconds(600))
        let general = try environment.milliseconds(
            "OTEL_EXPORTER_OTLP_TIMEOUT", default: .seconds(10), in: range)
        return try environment.milliseconds(
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", default: general, in: range)
    }

    private static func resource(_ environment: EnvironmentReader, _ service: String) throws
        -> SpanAttributes
    {
        var resource: SpanAttributes = [
            "service.namespace": "mercato", "service.version": .string(ProgramVersion.text),
            "service.instance.id": .string(UniqueID.v7().description),
            "telemetry.sdk.name": "mercato", "telemetry.sdk.language": "swift",
            "telemetry.sdk.version": .string(ProgramVersion.text),
        ]
        let key = "OTEL_RESOURCE_ATTRIBUTES"
        let text = try environment.text(key, default: "")
        for (name, value) in try KeyValueList.parse(text, key: key, shown: text) {
            resource[name] = .string(value)
        }
        // OTEL_SERVICE_NAME wins over service.name among the attributes; without both it is ours.
        var fallback = service
        if case .string(let given)? = resource["service.name"] { fallback = given }
        resource["service.name"] = .string(
            try environment.text("OTEL_SERVICE_NAME", default: fallback))
        return resource
    }

    private static func sampler(_ environment: EnvironmentReader) throws -> Sampler {
        let ratio = "traceidratio"
        let word = try environment.choice(
            "OTEL_TRACES_SAMPLER", default: "parentbased_always_on",
            of: [
                "always_on", "always_off", ratio, "parentbased_always_on",
                "parentbased_always_off", "parentbased_" + ratio,
            ])
        let key = "OTEL_TRACES_SAMPLER_ARG"
        let text = try environment.text(key, default: "1")
        guard let share = Double(text), (0...1).contains(share) else {
            throw ConfigurationError(
                .outOfRange, key: key, "is \"\(text)\"; allowed is a number from 0 to 1")
        }
        let root: Sampler.Root =
            word.hasSuffix(ratio) ? .share(share) : word.hasSuffix("_off") ? .never : .always
        return Sampler(root: root, followsParent: word.hasPrefix("parentbased_"))
    }
}

/// The collector's address.
enum TraceEndpoint {
    /// The signal's own variable is taken as it is; the general one is a base and gets `/v1/traces`.
    static func read(_ environment: EnvironmentReader) throws(ConfigurationError) -> String? {
        let own = try environment.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", default: "")
        let base = try environment.text("OTEL_EXPORTER_OTLP_ENDPOINT", default: "")
        if !base.isEmpty { try check(base, key: "OTEL_EXPORTER_OTLP_ENDPOINT") }
        if !own.isEmpty {
            try check(own, key: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
            return own
        }
        guard !base.isEmpty else { return nil }
        return (base.hasSuffix("/") ? String(base.dropLast()) : base) + "/v1/traces"
    }

    private static func check(_ url: String, key: String) throws(ConfigurationError) {
        let scheme = "http://"
        let authority = url.dropFirst(scheme.count).prefix { $0 != "/" }
        let port = authority.split(separator: ":", omittingEmptySubsequences: false)
        let hasGoodPort =
            authority.hasSuffix("]") || port.count < 2
            || Int(port[port.count - 1]).map { (1...65_535).contains($0) } == true
        let isPlain = url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
        guard url.lowercased().hasPrefix(scheme), !authority.isEmpty, !authority.hasPrefix(":"),
            hasGoodPort, isPlain, !authority.contains("@"), !url.contains("?"), !url.contains("#")
        else {
            throw ConfigurationError(
                .malformed, key: key,
                "is \"\(url)\"; allowed is http://host[:port][/path], without TLS, user or query")
        }
    }
}

/// `key=value,key2=value2`, the values percent-encoded, as W3C Baggage writes lists.
enum KeyValueList {
    /// Pairs at most.
    static let pairsMax = 64

    /// The headers of the general variable, those of the signal's own besides; the latter win.
    static func headers(_ environment: EnvironmentReader) throws(ConfigurationError)
        -> [(name: String, value: Secret<String>)]
    {
        var headers: [String: String] = [:]
        for key in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"] {
            let text = try environment.secret(key, default: "")
            for (name, value) in try parse(text.reveal(), key: key, shown: text.description) {
                guard isToken(name), value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
                    throw ConfigurationError(
                        .malformed, key: key, "holds what is no header name or value")
                }
                headers[name.lowercased()] = value
            }
        }
        return headers.sorted { $0.key < $1.key }.map { ($0.key, Secret($0.value)) }
    }

    static func parse(_ text: String, key: String, shown: String) throws(ConfigurationError)
        -> [(name: String, value: String)]
    {
        var pairs: [(name: String, value: String)] = []
        for piece in text.split(separator: ",") {
            let sides = piece.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = trimmed(sides[0])
            guard sides.count == 2, !name.isEmpty, pairs.count < pairsMax,
                let value = decoded(trimmed(sides[1]))
            else {
                throw ConfigurationError(
                    .malformed, key: key,
                    "is \(shown); allowed are up to \(pairsMax) pairs key=value separated by "
                        + "commas, the values percent-encoded")
            }
            pairs.append((String(name), value))
        }
        return pairs
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var rest = text
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return rest
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, digits.first?.isHexDigit == true,
                let value = UInt8(digits, radix: 16)
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func isToken(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
