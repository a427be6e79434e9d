/// Memory that a loop receives into, once for all of its connections: a buffer for each would be
/// most of what an idle connection costs.
@safe final class ReceiveBuffer {
    /// One system call takes at most this much.
    static let size = 64 * 1_024

    private let bytes: UnsafeMutableRawBufferPointer

    init() { unsafe bytes = .allocate(byteCount: Self.size, alignment: 64) }

    deinit { unsafe bytes.deallocate() }

    /// Lends at most `count` bytes to `body`; what they hold is lost with the next call.
    func withBytes<T>(_ count: Int, _ body: (UnsafeMutableRawBufferPointer) -> T) -> T {
        unsafe body(UnsafeMutableRawBufferPointer(rebasing: bytes.prefix(count)))
    }
}
