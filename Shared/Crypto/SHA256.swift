import COpenSSL

/// SHA-256 (FIPS 180-4) by OpenSSL's EVP interface.
package enum SHA256 {
    /// Bytes in a digest.
    package static let length = 32

    /// The 32-byte digest of a message.
    package static func digest(_ bytes: [UInt8]) -> [UInt8] {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.finish()
    }

    /// The digest of a text's UTF-8 bytes.
    package static func digest(_ text: String) -> [UInt8] { digest(Array(text.utf8)) }

    /// The digest as 64 lower-case hex digits.
    package static func hex(_ bytes: [UInt8]) -> String { Hex.text(digest(bytes)) }
}

/// SHA-256 of a message that arrives in pieces. Copies of the context cannot be made: a hasher is
/// used by one owner and ends with `finish`.
@safe
package struct SHA256Hasher: ~Copyable {
    private let context: OpaquePointer

    /// The hash of no bytes yet.
    package init() {
        // Allocation and initialisation fail only without memory or without the algorithm, which
        // is part of every OpenSSL 3 provider: neither depends on input.
        guard let context = unsafe EVP_MD_CTX_new() else {
            preconditionFailure("OpenSSL has no memory for a digest")
        }
        unsafe self.context = context
        let started = unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil)
        precondition(started == 1, "OpenSSL has no SHA-256")
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Adds the next piece of the message.
    package mutating func update(_ bytes: [UInt8]) {
        // The pointer is used during the call only.
        let updated = unsafe bytes.withUnsafeBytes { buffer in
            unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
        }
        precondition(updated == 1, "OpenSSL refused to hash")
    }

    /// Ends the message and gives its 32-byte digest.
    package consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: SHA256.length)
        var length: UInt32 = 0
        // SHA-256 writes exactly 32 bytes, the size of the buffer.
        let finished = unsafe digest.withUnsafeMutableBufferPointer { buffer in
            unsafe EVP_DigestFinal_ex(context, buffer.baseAddress, &length)
        }
        precondition(finished == 1 && Int(length) == SHA256.length, "OpenSSL lost a digest")
        return digest
    }
}
