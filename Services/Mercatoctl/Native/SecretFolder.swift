package import Basics
import Foundation

/// Generated passwords, one file each, readable by their owner only; made on first use and kept.
package struct SecretFolder: Sendable {
    package let path: String

    package init(path: String) throws(NativeError) {
        self.path = path
        try Folders.make(path, mode: 0o700)
    }

    /// The secret of that name: 32 hexadecimal digits from the system's generator.
    package func secret(_ name: String) throws(NativeError) -> Secret<String> {
        let file = "\(path)/\(name)"
        if let known = Folders.text(of: file)?.trimmingCharacters(in: .whitespacesAndNewlines),
            !known.isEmpty
        {
            return Secret(known)
        }
        var generator = SystemRandomNumberGenerator()
        let digits = (0..<16).map { _ in
            let byte = UInt8.random(in: .min ... .max, using: &generator)
            return String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }
        let text = digits.joined()
        try Folders.writePrivate(text + "\n", to: file)
        return Secret(text)
    }
}
