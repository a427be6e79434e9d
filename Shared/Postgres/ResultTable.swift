import CPostgres

/// Owner of one PGresult: what the server answered to one statement.
///
/// Reason for `@unchecked Sendable`: a PGresult never changes after PQgetResult returned it (libpq
/// documents that such results may be passed freely between threads), and only `deinit` frees it.
@safe
// Reason: immutable after creation, freed only in `deinit`; see above.
final class ResultTable: @unchecked Sendable {
    enum Status { case rows, command, pipelineSync, pipelineAborted, failure, unsupported }

    private let pointer: OpaquePointer
    let status: Status
    let rowCount: Int
    let columns: [String]

    /// Takes over the pointer.
    init(taking pointer: OpaquePointer) {
        unsafe self.pointer = pointer
        // Safe: the pointer is a live PGresult that this object now owns.
        status =
            switch unsafe PQresultStatus(pointer) {
            case PGRES_TUPLES_OK: .rows
            case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: .command
            case PGRES_PIPELINE_SYNC: .pipelineSync
            case PGRES_PIPELINE_ABORTED: .pipelineAborted
            case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE: .failure
            default: .unsupported
            }
        rowCount = Int(unsafe PQntuples(pointer))
        let width = unsafe PQnfields(pointer)
        columns = (0..<width).map { column in
            unsafe PQfname(pointer, column).map { unsafe String(cString: $0) } ?? ""
        }
    }

    deinit {
        // Safe: nobody else holds the pointer.
        unsafe PQclear(pointer)
    }

    /// The bytes of one field, valid inside `body` only; nil for NULL.
    func withField<Value>(
        row: Int, column: Int, _ body: (UnsafeRawBufferPointer) -> Value
    ) -> Value? {
        precondition(row >= 0 && row < rowCount && column >= 0 && column < columns.count)
        let (line, place) = (CInt(truncatingIfNeeded: row), CInt(truncatingIfNeeded: column))
        // Safe: the indices were checked, and the value lives as long as the result.
        guard unsafe PQgetisnull(pointer, line, place) == 0 else { return nil }
        let length = Int(unsafe PQgetlength(pointer, line, place))
        return unsafe body(
            UnsafeRawBufferPointer(start: PQgetvalue(pointer, line, place), count: length))
    }

    /// What the server did, for example `UPDATE 3` or `COMMIT`.
    var commandTag: String {
        unsafe PQcmdStatus(pointer).map { unsafe String(cString: $0) } ?? ""
    }

    /// Rows inserted, changed, deleted or returned; 0 for commands that count nothing.
    var affected: Int {
        unsafe PQcmdTuples(pointer).flatMap { unsafe Int(String(cString: $0)) } ?? 0
    }

    /// True when the server ends the connection together with this error.
    var isFatal: Bool {
        let severity = field("V") ?? field("S")
        return severity == "FATAL" || severity == "PANIC"
    }

    /// The server's error as ours.
    var error: PostgresError {
        let message = field("M") ?? "the server sent no message"
        guard let state = field("C") else {
            // libpq makes such results itself, and only when the connection has failed.
            return PostgresError(.connectionLost, message)
        }
        return PostgresError(
            isFatal ? .connectionLost : .sql(state: state),
            isFatal ? "\(message) (\(state))" : message, detail: field("D"),
            constraint: field("n"))
    }

    /// One field of an error report, by its code in the protocol (§55.8).
    func field(_ code: Unicode.Scalar) -> String? {
        unsafe PQresultErrorField(pointer, CInt(code.value)).map { unsafe String(cString: $0) }
    }
}
