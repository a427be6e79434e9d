#if canImport(Glibc)
    import Glibc
#endif
import Synchronization

/// A log file that is moved aside when it reaches its size: `x`, `x.1`, `x.2`; the oldest is
/// replaced. A batch is never split over two files, so each file holds whole lines.
package final class RotatingFile: LogOutput {
    /// Size at which a file is moved aside, in bytes.
    package static let sizeMax = 10 * 1_048_576
    /// Files kept, the present one included.
    package static let filesMax = 3

    private struct State {
        var descriptor: CInt
        var size: Int
    }

    private let path: String
    private let sizeMax: Int
    private let filesMax: Int
    private let state: Mutex<State>

    /// - Throws: `LogFileError` when the file cannot be opened for appending.
    package init(
        path: String, sizeMax: Int = RotatingFile.sizeMax, filesMax: Int = RotatingFile.filesMax
    ) throws(LogFileError) {
        self.path = path
        self.sizeMax = sizeMax
        self.filesMax = filesMax
        let descriptor = Self.open(path)
        guard descriptor >= 0 else { throw LogFileError(path: path, systemError: errno) }
        state = Mutex(State(descriptor: descriptor, size: Self.size(of: descriptor)))
    }

    deinit {
        state.withLock { state in
            if state.descriptor >= 0 { _ = close(state.descriptor) }
        }
    }

    package func write(_ bytes: [UInt8]) {
        state.withLock { state in
            if state.size > 0, state.size + bytes.count > sizeMax { rotate(&state) }
            guard state.descriptor >= 0 else { return }
            if writeAll(bytes, to: state.descriptor) { state.size += bytes.count }
        }
    }

    /// A failed rename leaves the file where it is: logging goes on in a file that is too large
    /// rather than nowhere.
    private func rotate(_ state: inout State) {
        for number in stride(from: filesMax - 1, to: 0, by: -1) {
            let older = "\(path).\(number)"
            let newer = number == 1 ? path : "\(path).\(number - 1)"
            _ = rename(newer, older)
        }
        let next = Self.open(path)
        guard next >= 0 else { return }
        _ = close(state.descriptor)
        state = State(descriptor: next, size: Self.size(of: next))
    }

    private static func open(_ path: String) -> CInt {
        Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
    }

    private static func size(of descriptor: CInt) -> Int {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }
}

/// A log file could not be opened.
package struct LogFileError: Error, CustomStringConvertible {
    package let path: String
    package let systemError: CInt

    package var description: String {
        "cannot open the log file \(path): \(String(cString: strerror(systemError)))"
    }
}
