import COpenSSL
import Foundation
import Synchronization

/// A certificate authority of one test, with its files in a folder that goes when it does.
package final class TestAuthority: Sendable {
    /// What a certificate is to say.
    package struct Request: Sendable {
        package var name = "leaf"
        /// As OpenSSL writes them: `DNS:localhost,IP:127.0.0.1`.
        package var hosts = "DNS:localhost,IP:127.0.0.1,IP:::1"
        package var isClient = false
        /// Seconds from now.
        package var start = -3_600
        package var end = 90 * 86_400

        package init() {}
    }

    /// A chain and its key, as files.
    package struct Files: Sendable {
        package let chain: String
        package let key: String
    }

    /// Where the files are.
    package let folder: String
    /// PEM of the root.
    package let rootPath: String
    private let root: Issuer
    private let intermediate: Issuer

    package init(_ name: String = "test root") throws {
        folder = NSTemporaryDirectory() + "mercato-tls-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        root = try Issuer(name, by: nil)
        intermediate = try Issuer(name + ", intermediate", by: root)
        rootPath = folder + "/root.pem"
        try root.pem.write(toFile: rootPath, atomically: true, encoding: .utf8)
    }

    deinit {
        // Ignored: a folder that is left behind in the temporary directory harms nobody.
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// A certificate signed by the intermediate authority; the chain holds both.
    package func issue(_ change: (inout Request) -> Void = { _ in }) throws -> Files {
        var request = Request()
        change(&request)
        let (leaf, key) = try intermediate.issue(request)
        return try write(request.name, chain: leaf + intermediate.pem, key: key)
    }

    /// The same without the intermediate certificate: nobody can verify it.
    package func issueIncomplete() throws -> Files {
        var request = Request()
        request.name = "incomplete"
        let (leaf, key) = try intermediate.issue(request)
        return try write(request.name, chain: leaf, key: key)
    }

    /// A certificate that vouches for itself.
    package func selfSigned() throws -> Files {
        var request = Request()
        request.name = "selfsigned"
        let pair = try Issuer.issueSelfSigned(request)
        return try write(request.name, chain: pair.certificate, key: pair.key)
    }

    /// Writes any text into the folder, and returns the path.
    package func file(_ name: String, _ text: String) throws -> String {
        let path = "\(folder)/\(name)"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func write(_ name: String, chain: String, key: String) throws -> Files {
        let unique = name + "-" + UUID().uuidString.prefix(8)
        return Files(
            chain: try file("\(unique).pem", chain), key: try file("\(unique).key", key))
    }
}

/// OpenSSL refused something that a test asked for.
struct FixtureFailure: Error {
    let call: String

    static func check(_ result: Int32, _ call: String) throws {
        guard result > 0 else { throw FixtureFailure(call: call) }
    }

    static func some(_ pointer: OpaquePointer?, _ call: String) throws -> OpaquePointer {
        guard let pointer else { throw FixtureFailure(call: call) }
        return pointer
    }
}
