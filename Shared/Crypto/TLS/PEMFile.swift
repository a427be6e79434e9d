import COpenSSL
import Foundation

/// A file with certificates or a private key as PEM text (RFC 7468).
struct PEMFile {
    /// The largest file that is read, in bytes: a bundle of every public authority is a fifth of it.
    static let sizeMax = 1 << 20
    /// Certificates that are read of one file.
    static let certificatesMax = 1_000

    let path: String
    let bytes: [UInt8]

    /// Reads the file. `what` is what it should be, for messages: `the certificate`.
    init(_ path: String, _ what: String) throws(TLSError) {
        let data: Data?
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            data = try file.read(upToCount: Self.sizeMax + 1)
        } catch {
            guard FileManager.default.fileExists(atPath: path) else {
                throw TLSError(.fileMissing, "\(what): there is no file \(path)")
            }
            throw TLSError(
                .fileUnreadable, "\(what): \(path) cannot be read: \(error.localizedDescription)")
        }
        guard let data, data.count <= Self.sizeMax else {
            throw TLSError(
                .fileUnreadable, "\(what): \(path) has more than \(Self.sizeMax) bytes or none")
        }
        self.path = path
        bytes = Array(data)
    }

    /// Every certificate of the file, in its order; at least one.
    func certificates() throws(TLSError) -> [Certificate] {
        let bio = try MemoryFile(bytes)
        var found: [Certificate] = []
        ERR_clear_error()
        while found.count < Self.certificatesMax {
            // The file is ours and alive; a certificate is never behind a pass phrase.
            guard let next = unsafe PEM_read_bio_X509(bio.handle, nil, { _, _, _, _ in -1 }, nil)
            else { break }
            found.append(unsafe Certificate(owning: next))
        }
        let error = ERR_peek_last_error()
        if error != 0, !Self.isEnd(error) {
            throw TLSError(
                .malformed,
                "certificate \(found.count + 1) of \(path) cannot be decoded: \(TLSError.lastReason())"
            )
        }
        ERR_clear_error()
        guard !found.isEmpty else {
            throw TLSError(
                .notPEM, "\(path) holds no certificate: no line -----BEGIN CERTIFICATE-----")
        }
        return found
    }

    /// The first private key of the file.
    func privateKey() throws(TLSError) -> PrivateKey {
        let bio = try MemoryFile(bytes)
        var wasAsked = false
        ERR_clear_error()
        // The callback notes that a pass phrase was asked for, and gives none. Both pointers are used
        // during the call only.
        let key = unsafe withUnsafeMutablePointer(to: &wasAsked) { asked in
            unsafe PEM_read_bio_PrivateKey(
                bio.handle, nil,
                { _, _, _, asked in
                    unsafe asked?.assumingMemoryBound(to: Bool.self).pointee = true
                    return -1
                }, asked)
        }
        if let key = unsafe key { return unsafe PrivateKey(owning: key) }
        let reason = TLSError.lastReason()
        if wasAsked {
            throw TLSError(
                .keyEncrypted,
                "the private key in \(path) has a pass phrase; a service can only use one without")
        }
        guard String(decoding: bytes, as: UTF8.self).contains("PRIVATE KEY-----") else {
            throw TLSError(
                .notPEM, "\(path) holds no private key: no line -----BEGIN PRIVATE KEY-----")
        }
        throw TLSError(.malformed, "the private key in \(path) cannot be decoded: \(reason)")
    }

    /// No further block is no error.
    private static func isEnd(_ error: UInt) -> Bool {
        ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE
    }
}

/// Bytes as OpenSSL wants to read a file.
@safe
private final class MemoryFile {
    let handle: OpaquePointer
    /// What `handle` reads from, for as long as it lives.
    private let bytes: UnsafeMutableRawBufferPointer

    init(_ content: [UInt8]) throws(TLSError) {
        unsafe bytes = .allocate(byteCount: max(1, content.count), alignment: 1)
        unsafe bytes.copyBytes(from: content)
        guard let handle = unsafe BIO_new_mem_buf(bytes.baseAddress, CInt(content.count)) else {
            unsafe bytes.deallocate()
            throw TLSError(.library, "OpenSSL has no memory for a file")
        }
        unsafe self.handle = handle
    }

    deinit {
        unsafe BIO_free(handle)
        // It may have held a key.
        unsafe OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        unsafe bytes.deallocate()
    }
}
