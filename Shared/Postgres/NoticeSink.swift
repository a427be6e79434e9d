import CPostgres
import Telemetry

/// Takes the server's notices, which libpq would otherwise print on standard error.
final class NoticeSink: Sendable {
    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    /// Registers with a connection. The connection's owner keeps the sink alive for as long as the
    /// connection exists, so an unretained pointer is enough.
    func attach(to connection: OpaquePointer) {
        // Safe: see above; libpq calls the receiver only from calls on this connection.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context = unsafe context, let result = unsafe result else { return }
                let sink = unsafe Unmanaged<NoticeSink>.fromOpaque(context).takeUnretainedValue()
                let severity = unsafe NoticeSink.field(result, "V")
                sink.report(
                    severity: severity, message: unsafe NoticeSink.field(result, "M"))
            }, context)
    }

    private static func field(_ result: OpaquePointer, _ code: Unicode.Scalar) -> String {
        unsafe PQresultErrorField(result, CInt(code.value)).map { unsafe String(cString: $0) } ?? ""
    }

    private func report(severity: String, message: String) {
        if severity == "WARNING" {
            logger.warning("the database server warns", ["warning": .string(message)])
        } else {
            logger.debug("notice from the database server", ["notice": .string(message)])
        }
    }
}
