import Basics
import Configuration

/// A database's address and its password, which may come apart: the address is worth reading in a
/// Compose file or a chart, the password is a file that an orchestrator mounts.
enum DatabaseAddress {
    /// The address of `urlKey`, joined with the password of `passwordKey` when there is one. A
    /// password in the address itself gives way to it.
    static func read(_ environment: EnvironmentReader, url urlKey: String, password passwordKey: String)
        throws(ConfigurationError) -> Secret<String>
    {
        let address = try environment.secret(urlKey)
        let password = try environment.secret(passwordKey, default: "")
        guard !password.reveal().isEmpty else { return address }
        return Secret(joined(address.reveal(), password: password.reveal()))
    }

    /// In the form of the address: libpq takes a URI or pairs of keyword and value, and of a keyword
    /// given twice the last.
    static func joined(_ address: String, password: String) -> String {
        if address.hasPrefix("postgresql://") || address.hasPrefix("postgres://") {
            return address + (address.contains("?") ? "&" : "?") + "password=" + percentEncoded(password)
        }
        return address + " password='" + quoted(password) + "'"
    }

    /// Everything but letters, digits and four marks (RFC 3986 §2.3).
    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                String(decoding: [byte], as: UTF8.self)
            default: "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }.joined()
    }

    /// As within the single quotes of libpq's pairs.
    private static func quoted(_ text: String) -> String {
        text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
    }
}
