import NativeServers

/// Where the stack's spans go.
package enum Tracing: Sendable, Equatable {
    /// A `jaeger` on PATH is started with the stack.
    case own(program: String)
    /// The caller named a collector in the standard keys; it is passed on and nothing is started.
    case external
    /// Nowhere, and why.
    case none(String)

    /// Standard keys that name a collector.
    private static let endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]

    package static func choose(_ environment: [String: String]) throws(CommandFailure) -> Tracing {
        func value(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
        let isNamed = endpoints.contains { value($0) != nil }
        switch value("MERCATO_JAEGER") {
        case "off": return isNamed ? .external : .none("MERCATO_JAEGER is off")
        case nil, "auto": if isNamed { return .external }
        case .some(let other):
            throw CommandFailure(.usage, "MERCATO_JAEGER is auto or off, not \"\(other)\"")
        }
        guard let program = Command.find("jaeger", path: environment["PATH"]) else {
            return .none("there is no jaeger on PATH")
        }
        return .own(program: program)
    }

    /// What people are told about it.
    package var line: String {
        switch self {
        case .own(let program): "traces: \(program)"
        case .external: "traces: the collector that OTEL_EXPORTER_OTLP_… names"
        case .none(let why): "no traces are kept: \(why) (everything else works without)"
        }
    }
}

extension StackSettings {
    package var jaegerURL: String { "http://127.0.0.1:\(ports.jaeger)" }

    /// The caller's OpenTelemetry settings; a name for one service would be wrong for six.
    var openTelemetry: [String: String] {
        var values = environment.filter {
            $0.key.hasPrefix("OTEL_") && $0.key != "OTEL_SERVICE_NAME" && !$0.value.isEmpty
        }
        if case .own = tracing {
            values["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:\(ports.otlp)"
        }
        return values
    }
}
