internal import Telemetry

/// Sends the C library's own lines through our logger: syslog severities become our levels.
enum ClientLog {
    static func write(
        severity: Int32, facility: String, text: String, to logger: Logger
    ) {
        let fields: LogFields = ["facility": .string(facility), "detail": .string(text)]
        switch severity {
        case ...3: logger.error("kafka client", fields)
        case 4: logger.warning("kafka client", fields)
        case 5: logger.notice("kafka client", fields)
        case 6: logger.info("kafka client", fields)
        default: logger.debug("kafka client", fields)
        }
    }
}
