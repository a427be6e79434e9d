import COpenSSL

/// HMAC with SHA-256 (RFC 2104, RFC 6234).
package enum HMACSHA256 {
    /// The longest key taken, in bytes. Keys above the hash's block of 64 bytes gain nothing.
    package static let keyMax = 4_096

    /// The 32-byte code of a message. An empty key is allowed by the standard and taken as such;
    /// callers that read keys from a configuration refuse it there.
    package static func code(key: [UInt8], message: [UInt8]) -> [UInt8] {
        precondition(key.count <= keyMax, "the key is longer than HMACSHA256.keyMax")
        var code = [UInt8](repeating: 0, count: SHA256.length)
        var length: UInt32 = 0
        // OpenSSL takes a null key as "the key used before": an empty array must have an address.
        let padded = key.isEmpty ? [0] : key
        // The three pointers are used during the call only, and the buffer has SHA-256's size.
        let made = unsafe padded.withUnsafeBytes { keyBytes in
            unsafe message.withUnsafeBufferPointer { messageBytes in
                unsafe code.withUnsafeMutableBufferPointer { codeBytes in
                    unsafe HMAC(
                        EVP_sha256(), keyBytes.baseAddress, CInt(key.count),
                        messageBytes.baseAddress, messageBytes.count, codeBytes.baseAddress,
                        &length) != nil
                }
            }
        }
        precondition(made && Int(length) == SHA256.length, "OpenSSL made no authentication code")
        return code
    }
}
