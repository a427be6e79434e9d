/// Why the journal cannot be read or written.
struct JournalError: Error, Sendable, CustomStringConvertible {
    enum Code: Sendable, Equatable {
        case open, read, write
        /// Another process has the journal: two writers would overwrite each other's lines.
        case inUse
        /// A line before the last one cannot be read: the file was changed by somebody else.
        case corrupt(line: Int)
        /// An earlier write failed; nothing more is accepted until a restart has cut the file.
        case failed
        case queueFull
    }

    let code: Code
    let path: String
    /// The system's error number, where there is one.
    var number: Int32 = 0

    var description: String {
        if code == .inUse {
            return "journal \(path) is in use by another payment-provider; end that one first"
        }
        return "journal \(path): \(code)" + (number == 0 ? "" : " (errno \(number))")
    }
}
