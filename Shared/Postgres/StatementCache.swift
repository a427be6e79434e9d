/// Which texts are prepared on a connection, and under which names.
///
/// When it is full, further texts are sent unprepared: that is correct, only slower, and no
/// statement has to be dropped on the server in the middle of a transaction.
struct StatementCache: Sendable {
    enum Plan: Equatable {
        case known(name: String)
        /// Prepare under this name, then execute it.
        case prepare(name: String)
        case unprepared
    }

    /// Texts prepared on one connection at most.
    static let countMax = 256

    private var names: [String: String] = [:]
    private var made = 0

    /// How to run this text. `planned` holds what earlier statements of the same batch prepare.
    mutating func plan(_ statement: Statement, planned: inout [String: String]) -> Plan {
        guard statement.isPrepared else { return .unprepared }
        if let name = names[statement.sql] ?? planned[statement.sql] { return .known(name: name) }
        guard names.count + planned.count < Self.countMax else { return .unprepared }
        made += 1
        let name = "s\(made)"
        planned[statement.sql] = name
        return .prepare(name: name)
    }

    /// The server confirmed it. Not before: after an error it skips the rest of the batch.
    mutating func prepared(sql: String, name: String) { names[sql] = name }
}
