import CPostgres
import Telemetry

/// Owner of one PGconn: the only place that holds the pointer.
///
/// Reason for `@unchecked Sendable`: it is made on a thread of its own, because `start` resolves
/// names and reads files, then handed to the event loop, which alone uses it from there on.
@safe
// Reason: one thread at a time uses it; see above.
final class ConnectionHandle: @unchecked Sendable {
    enum Progress { case wantsRead, wantsWrite, connected, failed }
    enum Flush { case done, pending, failed }

    private var pointer: OpaquePointer?
    private let notices: NoticeSink

    /// Begins to connect. Blocks while host names are resolved; nil only when memory is short.
    static func start(_ target: ConnectionTarget, logger: Logger) -> ConnectionHandle? {
        var keywords = CBuffers(target.parameters.map(\.keyword))
        var values = CBuffers(target.parameters.map(\.value))
        keywords.appendNull()
        values.appendNull()
        // Safe: libpq copies both lists before it returns.
        let pointer = unsafe keywords.withPointers { names, _, _ in
            unsafe values.withPointers { texts, _, _ in
                unsafe PQconnectStartParams(names, texts, 1)
            }
        }
        guard let pointer = unsafe pointer else { return nil }
        return unsafe ConnectionHandle(taking: pointer, logger: logger)
    }

    private init(taking pointer: OpaquePointer, logger: Logger) {
        unsafe self.pointer = pointer
        notices = NoticeSink(logger: logger)
        unsafe notices.attach(to: pointer)
    }

    deinit { finish() }

    /// Closes the connection; what follows finds it closed.
    func finish() {
        guard let open = unsafe pointer else { return }
        unsafe pointer = nil
        // Safe: the pointer was taken out, so it is freed once.
        unsafe PQfinish(open)
    }

    // libpq accepts a null PGconn everywhere below and answers "bad connection", which is what a
    // finished handle should say; hence no unwrapping.

    var isBad: Bool { unsafe PQstatus(pointer) == CONNECTION_BAD }

    /// The socket, which may change while connecting; -1 when there is none.
    var descriptor: CInt { unsafe PQsocket(pointer) }

    /// libpq's last message, without its line ends.
    var message: String {
        guard let text = unsafe PQerrorMessage(pointer) else { return "" }
        return unsafe String(cString: text).split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
    }

    func poll() -> Progress {
        switch unsafe PQconnectPoll(pointer) {
        case PGRES_POLLING_READING: .wantsRead
        case PGRES_POLLING_WRITING: .wantsWrite
        case PGRES_POLLING_OK: .connected
        default: .failed
        }
    }

    /// Non-blocking, pipelined: the state in which a connection rests.
    func makeReady() -> Bool {
        unsafe PQsetnonblocking(pointer, 1) == 0 && enterPipeline()
    }

    func enterPipeline() -> Bool { unsafe PQenterPipelineMode(pointer) == 1 }
    func exitPipeline() -> Bool { unsafe PQexitPipelineMode(pointer) == 1 }

    func sendPrepare(name: String, sql: String) -> Bool {
        unsafe PQsendPrepare(pointer, name, sql, 0, nil) == 1
    }

    func sendPrepared(name: String, _ parameters: [Parameter]) -> Bool {
        let values = CBuffers(parameters)
        // Safe: libpq copies the values into its output buffer before it returns.
        return unsafe values.withPointers { texts, lengths, formats in
            unsafe PQsendQueryPrepared(
                pointer, name, CInt(values.count), texts, lengths, formats, 0) == 1
        }
    }

    func sendUnprepared(_ sql: String, _ parameters: [Parameter]) -> Bool {
        let values = CBuffers(parameters)
        // Safe: as above.
        return unsafe values.withPointers { texts, lengths, formats in
            unsafe PQsendQueryParams(
                pointer, sql, CInt(values.count), nil, texts, lengths, formats, 0) == 1
        }
    }

    func sendSync() -> Bool { unsafe PQpipelineSync(pointer) == 1 }

    /// The simple protocol: several statements in one text, outside the pipeline.
    func sendScript(_ sql: String) -> Bool { unsafe PQsendQuery(pointer, sql) == 1 }

    func flush() -> Flush {
        switch unsafe PQflush(pointer) {
        case 0: .done
        case 1: .pending
        default: .failed
        }
    }

    /// Reads what has arrived; false when the connection has ended.
    func consumeInput() -> Bool { unsafe PQconsumeInput(pointer) == 1 }

    /// True while the next result is not complete; then `nextResult` would block.
    var isBusy: Bool { unsafe PQisBusy(pointer) == 1 }

    func nextResult() -> ResultTable? {
        guard let result = unsafe PQgetResult(pointer) else { return nil }
        // Safe: PQgetResult hands ownership to the caller.
        return unsafe ResultTable(taking: result)
    }

    var transactionStatus: TransactionStatus {
        switch unsafe PQtransactionStatus(pointer) {
        case PQTRANS_IDLE: .idle
        case PQTRANS_INTRANS: .open
        case PQTRANS_INERROR: .failed
        default: .unknown
        }
    }

    /// What is needed to ask the server to stop the present statement.
    func cancelRequest() -> CancelRequest? {
        guard let pointer = unsafe PQgetCancel(pointer) else { return nil }
        return unsafe CancelRequest(taking: pointer)
    }
}

/// The server's view of the session between two commands.
enum TransactionStatus: Sendable { case idle, open, failed, unknown }

/// Owner of one PGcancel: stops the statement that an abandoned connection left running, so that
/// its locks do not last until `statement_timeout`.
@safe
// Reason: PGcancel is a read-only copy of the server's address, made for use from other threads.
final class CancelRequest: @unchecked Sendable {
    private let pointer: OpaquePointer

    init(taking pointer: OpaquePointer) { unsafe self.pointer = pointer }

    deinit {
        // Safe: nobody else holds the pointer.
        unsafe PQfreeCancel(pointer)
    }

    /// Blocks until the server has taken the request. Its outcome changes nothing for the caller,
    /// who has given the connection up already.
    func send() {
        var message: [CChar] = .init(repeating: 0, count: 256)
        unsafe message.withUnsafeMutableBufferPointer { buffer in
            _ = unsafe PQcancel(pointer, buffer.baseAddress, CInt(buffer.count))
        }
    }
}
