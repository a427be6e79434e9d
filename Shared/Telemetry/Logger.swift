import Basics

/// How much an operator needs to care. A logger drops lines below its own level.
package enum LogLevel: String, Sendable, Comparable, CaseIterable {
    case debug, info, notice, warning, error

    private var rank: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .notice: 2
        case .warning: 3
        case .error: 4
        }
    }

    package static func < (left: LogLevel, right: LogLevel) -> Bool { left.rank < right.rank }
}

/// Writes one JSON object per line: `ts`, `level`, `service`, `msg`, inside a trace `trace_id` and
/// `span_id`, then the fields by name.
///
/// The message is a `StaticString`, so an interpolated value cannot slip into it: messages stay
/// searchable and values stay in fields. A logger is a value; `with` makes one that carries fields.
/// Callable from any thread; a call never waits for the disk (the sink decides, see `LogSink`).
package struct Logger: Sendable {
    /// The service named in each line.
    package let service: String
    /// Lines below this level are not written.
    package let level: LogLevel
    private let sink: any LogSink
    private let carried: LogFields

    /// A logger without carried fields.
    package init(service: String, level: LogLevel = .info, sink: any LogSink) {
        self.init(service: service, level: level, sink: sink, carried: [:])
    }

    private init(service: String, level: LogLevel, sink: any LogSink, carried: LogFields) {
        self.service = service
        self.level = level
        self.sink = sink
        self.carried = carried
    }

    /// A logger that adds these fields to each line; the newer value of a name wins.
    package func with(_ fields: LogFields) -> Logger {
        Logger(
            service: service, level: level, sink: sink,
            carried: carried.merging(fields) { _, newer in newer })
    }

    /// For developers: off in production.
    package func debug(_ message: StaticString, _ fields: LogFields = [:]) {
        log(.debug, message, fields)
    }

    /// What a service does, for operators who look.
    package func info(_ message: StaticString, _ fields: LogFields = [:]) {
        log(.info, message, fields)
    }

    /// Rare and normal: started, stopping, reconnected.
    package func notice(_ message: StaticString, _ fields: LogFields = [:]) {
        log(.notice, message, fields)
    }

    /// Something failed and is being handled.
    package func warning(_ message: StaticString, _ fields: LogFields = [:]) {
        log(.warning, message, fields)
    }

    /// Something failed that an operator should look at.
    package func error(_ message: StaticString, _ fields: LogFields = [:]) {
        log(.error, message, fields)
    }

    /// True when a line of this level would be written; guards fields that are costly to make.
    package func writes(_ level: LogLevel) -> Bool { level >= self.level }

    /// A line whose level is chosen at run time.
    package func log(_ level: LogLevel, _ message: StaticString, _ fields: LogFields = [:]) {
        guard level >= self.level else { return }
        sink.write(
            LogLine.encode(
                at: .now(), level: level, service: service, message: message,
                trace: .current, fields: carried.isEmpty ? fields : carried.merging(fields) { _, newer in newer }))
    }
}

/// The encoder of a log line, apart from the logger so that tests can give it a time.
enum LogLine {
    /// Names that a field cannot take; it is written as `field_<name>` instead.
    static let reserved: Set<String> = ["ts", "level", "service", "msg"]

    static func encode(
        at time: WallTime, level: LogLevel, service: String, message: StaticString,
        trace: TraceContext? = nil, fields: LogFields
    ) -> [UInt8] {
        var line = JSONLineWriter()
        line.begin()
        line.member("ts", time.iso8601)
        line.member("level", level.rawValue)
        line.member("service", service)
        line.member("msg", message.description)
        if let trace {
            // What the caller says itself goes before what its task works on.
            if fields["trace_id"] == nil { line.member("trace_id", trace.traceIDText) }
            if fields["span_id"] == nil { line.member("span_id", trace.spanIDText) }
        }
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            line.member(reserved.contains(name) ? "field_" + name : name, value)
        }
        line.end()
        return line.bytes
    }
}
