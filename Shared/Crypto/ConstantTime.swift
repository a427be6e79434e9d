import COpenSSL

/// Compares two secrets in a time that depends on their length only, so that an attacker who
/// measures answers learns nothing about the bytes. Different lengths are told apart at once.
package func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    // Both pointers are used during the call only, and both buffers have `left.count` bytes.
    return unsafe left.withUnsafeBytes { leftBytes in
        unsafe right.withUnsafeBytes { rightBytes in
            unsafe CRYPTO_memcmp(leftBytes.baseAddress, rightBytes.baseAddress, left.count) == 0
        }
    }
}
