import Foundation
package import Telemetry

/// Loggers and registries for code under test whose output nobody reads; `MERCATO_TEST_LOG=1` shows
/// the lines on standard error.
package enum QuietLog {
    package static func logger(_ service: String = "test") -> Logger {
        guard ProcessInfo.processInfo.environment["MERCATO_TEST_LOG"] != nil else {
            return Logger(service: service, sink: DiscardingSink())
        }
        return Logger(service: service, level: .debug, sink: StandardErrorSink())
    }

    package static func metrics() -> MetricsRegistry { MetricsRegistry() }
}

private struct StandardErrorSink: LogSink {
    func write(_ line: [UInt8]) { FileHandle.standardError.write(Data(line)) }
    func flush() {}
}
