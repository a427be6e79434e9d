import CRedis
import Foundation

/// Owner of one redisContext: the only place that holds the pointer.
///
/// Reason for `@unchecked Sendable`: it is made on a thread of its own, because hiredis resolves
/// names while it connects, then handed to the event loop, which alone uses it from there on.
@safe
// Reason: one thread at a time uses it; see above.
final class RedisHandle: @unchecked Sendable {
    enum Flush { case done, pending, failed }

    private var context: UnsafeMutablePointer<redisContext>?
    private let lock = NSLock()

    /// Begins to connect. Blocks while the host name is resolved.
    static func start(host: String, port: Int) async -> RedisHandle {
        let handle = RedisHandle()
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let context = unsafe redisConnectNonBlock(host, CInt(port))
                handle.lock.withLock { unsafe handle.context = context }
                continuation.resume()
            }
        }
        // The continuation orders the two threads; the thread sanitizer sees it by the lock only.
        handle.lock.withLock {}
        return handle
    }

    private init() {}

    deinit { finish() }

    /// Closes the connection; what follows finds it failed.
    func finish() {
        guard let open = unsafe context else { return }
        unsafe context = nil
        // Safe: the pointer was taken out, so it is freed once.
        unsafe redisFree(open)
    }

    /// hiredis' description of what went wrong, nil while all is well.
    var failure: String? {
        guard let context = unsafe context else { return "the connection is closed" }
        guard unsafe context.pointee.err != 0 else { return nil }
        // Safe: `errstr` is an array inside the context and always ends with a NUL.
        return unsafe withUnsafeBytes(of: &context.pointee.errstr) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    /// The socket; -1 when there is none.
    var descriptor: CInt { unsafe context?.pointee.fd ?? -1 }

    /// Puts a command into the output buffer.
    func append(_ parts: [[UInt8]]) -> Bool {
        guard let context = unsafe context else { return false }
        let bytes = parts.flatMap { $0 }
        let lengths = parts.map(\.count)
        // Safe: hiredis copies the arguments before it returns; the pointers stay within `bytes`,
        // and an empty argument has length 0, so its pointer is not followed.
        return unsafe bytes.withUnsafeBytes { raw in
            let base = unsafe raw.bindMemory(to: CChar.self).baseAddress
            var pointers: [UnsafePointer<CChar>?] = unsafe []
            var start = 0
            for length in lengths {
                unsafe pointers.append(base.map { unsafe $0 + start })
                start += length
            }
            return unsafe redisAppendCommandArgv(
                context, CInt(parts.count), &pointers, lengths) == REDIS_OK
        }
    }

    /// Sends what the socket takes.
    func flush() -> Flush {
        guard let context = unsafe context else { return .failed }
        var isDone: CInt = 0
        guard unsafe redisBufferWrite(context, &isDone) == REDIS_OK else { return .failed }
        return isDone == 1 ? .done : .pending
    }

    /// Reads what has arrived; false when the connection has ended.
    func read() -> Bool {
        guard let context = unsafe context else { return false }
        return unsafe redisBufferRead(context) == REDIS_OK
    }

    /// The next complete answer; nil when there is none yet. Check `failure` after nil: an answer
    /// that is not of the protocol sets it.
    func next() -> RedisReply? {
        guard let context = unsafe context else { return nil }
        var pointer: UnsafeMutableRawPointer?
        guard unsafe redisGetReplyFromReader(context, &pointer) == REDIS_OK,
            let reply = unsafe pointer
        else { return nil }
        // Safe: the reader hands over a redisReply that is ours to free.
        defer { unsafe freeReplyObject(reply) }
        return unsafe RedisReply(copying: reply.assumingMemoryBound(to: redisReply.self))
    }
}
