import COpenSSL

/// OpenSSL's view of the network: reading takes from the bytes that are being received, writing appends
/// to the bytes that are to be sent. Nothing is stored in between, so each byte is copied once.
@safe
final class WireBuffer {
    /// What OpenSSL wants to be sent.
    var outgoing: [UInt8] = []
    /// What it has not taken yet. Points into the caller's array, and is empty outside of `withInput`.
    private var incoming = unsafe UnsafeRawBufferPointer(start: nil, count: 0)

    var hasInput: Bool { unsafe !incoming.isEmpty }

    /// Lets OpenSSL read `bytes` while `body` runs.
    func withInput(_ bytes: [UInt8], _ body: () throws(TLSError) -> Void) throws(TLSError) {
        // Typed errors do not pass through the closure of `withUnsafeBytes`.
        let failure = unsafe bytes.withUnsafeBytes { buffer -> TLSError? in
            unsafe incoming = buffer
            // The pointer ends with this closure, and so does its use.
            defer { unsafe incoming = UnsafeRawBufferPointer(start: nil, count: 0) }
            do throws(TLSError) {
                try body()
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    fileprivate func take(_ target: UnsafeMutableRawPointer, _ count: Int) -> Int {
        let taken = unsafe min(count, incoming.count)
        guard taken > 0, let source = unsafe incoming.baseAddress else { return 0 }
        unsafe target.copyMemory(from: source, byteCount: taken)
        unsafe incoming = UnsafeRawBufferPointer(rebasing: incoming.dropFirst(taken))
        return taken
    }

    fileprivate func send(_ bytes: UnsafeRawBufferPointer) {
        unsafe outgoing.append(contentsOf: bytes)
    }
}

extension WireBuffer {
    /// Makes OpenSSL's end of this buffer, which must outlive it. Nil without memory.
    @unsafe
    func makeBIO() -> OpaquePointer? {
        guard let method = unsafe Self.method.handle, let bio = unsafe BIO_new(method) else {
            return nil
        }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }

    // Reason: written once, before any use, and only read by OpenSSL.
    @safe
    private struct Method: @unchecked Sendable {
        let handle: OpaquePointer?
    }

    /// The functions that OpenSSL calls, once for the process.
    private static let method = unsafe Method(handle: makeMethod())

    private static func makeMethod() -> OpaquePointer? {
        let kind = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
        guard let method = unsafe BIO_meth_new(kind, "wire buffer") else { return nil }
        // OpenSSL passes memory of the size that it says, valid during the call; the data pointer is
        // the buffer that `makeBIO` was called on.
        unsafe BIO_meth_set_write_ex(method) { bio, bytes, count, written in
            guard let data = unsafe BIO_get_data(bio) else { return 0 }
            let buffer = unsafe Unmanaged<WireBuffer>.fromOpaque(data).takeUnretainedValue()
            unsafe buffer.send(UnsafeRawBufferPointer(start: bytes, count: count))
            unsafe written?.pointee = count
            return 1
        }
        unsafe BIO_meth_set_read_ex(method) { bio, target, count, read in
            guard let bio = unsafe bio, let target = unsafe target,
                let data = unsafe BIO_get_data(bio)
            else { return 0 }
            let buffer = unsafe Unmanaged<WireBuffer>.fromOpaque(data).takeUnretainedValue()
            let taken = unsafe buffer.take(target, count)
            unsafe copenssl_clear_retry(bio)
            // Nothing left is no end: more comes with the next receive.
            if taken == 0 { unsafe copenssl_retry_read(bio) }
            unsafe read?.pointee = taken
            return taken > 0 ? 1 : 0
        }
        unsafe BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return unsafe method
    }
}
