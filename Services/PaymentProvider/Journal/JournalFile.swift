import Foundation
import Glibc

/// The append-only file behind the provider: one JSON object per line, never rewritten.
enum JournalFile {
    /// What a start found in the file.
    struct Opened {
        let descriptor: Int32
        let entries: [JournalEntry]
        /// Length of the sound part, in bytes; the file has been cut to it.
        let length: Int64
        /// Bytes of a torn last line that were cut off: nobody was ever told about that line.
        let cut: Int64
    }

    private static let chunk = 1 << 16

    /// Opens or creates the file, locks it, reads every line, and cuts a torn last one. Blocks; called
    /// once, before the service accepts anything.
    ///
    /// The lock lasts as long as the descriptor, so also a killed process gives it back. Without it
    /// a successor that starts while its predecessor drains would write over its lines.
    static func open(_ path: String) throws(JournalError) -> Opened {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw JournalError(code: .open, path: path, number: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            close(descriptor)
            throw JournalError(
                code: number == EWOULDBLOCK ? .inUse : .open, path: path, number: number)
        }
        do {
            return try read(descriptor, path)
        } catch {
            release(descriptor)
            throw error
        }
    }

    /// Gives the lock back and closes. Closing alone would leave the lock with a copy of the
    /// descriptor that a child process has until it executes its program.
    static func release(_ descriptor: Int32) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private static func read(_ descriptor: Int32, _ path: String) throws(JournalError) -> Opened {
        var entries: [JournalEntry] = []
        var pending: [UInt8] = []
        var length: Int64 = 0
        var total: Int64 = 0
        var buffer = [UInt8](repeating: 0, count: chunk)
        while true {
            let count = buffer.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw JournalError(code: .read, path: path, number: errno) }
            if count == 0 { break }
            total += Int64(count)
            pending.append(contentsOf: buffer[0..<count])
            var start = pending.startIndex
            while let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) {
                guard let entry = decode(pending[start..<end]) else {
                    throw JournalError(code: .corrupt(line: entries.count + 1), path: path)
                }
                entries.append(entry)
                length += Int64(end - start + 1)
                start = end + 1
            }
            pending.removeSubrange(..<start)
        }
        // Only the last line may be torn, and a line without its newline was never acknowledged.
        guard ftruncate(descriptor, off_t(length)) == 0, fdatasync(descriptor) == 0,
            lseek(descriptor, off_t(length), SEEK_SET) >= 0
        else { throw JournalError(code: .write, path: path, number: errno) }
        return Opened(
            descriptor: descriptor, entries: entries, length: length, cut: total - length)
    }

    private static func decode(_ line: ArraySlice<UInt8>) -> JournalEntry? {
        // Ignored: the reason does not matter, the caller names the line.
        try? JSONDecoder().decode(JournalEntry.self, from: Data(line))
    }

    /// One line without its newline: keys sorted, so equal entries are equal bytes.
    static func encode(_ entry: JournalEntry) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(entry))
    }
}
