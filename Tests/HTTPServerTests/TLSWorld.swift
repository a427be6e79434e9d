import Basics
import Foundation
import HTTPClient
import HTTPServer
import Sockets
import TLSFixture
import Telemetry
import Testing

@testable import Crypto

/// An authority, a server certificate of it, and what both sides make of them.
struct TLSWorld: Sendable {
    let authority: TestAuthority
    let files: TestAuthority.Files

    init(_ change: (inout TestAuthority.Request) -> Void = { _ in }) throws {
        authority = try TestAuthority()
        files = try authority.issue(change)
    }

    func server(
        _ files: TestAuthority.Files? = nil,
        clients: TLSServerOptions.ClientCertificates = .none
    ) throws -> ServerTLS {
        let files = files ?? self.files
        let options = TLSServerOptions(
            identity: TLSIdentity(chainPath: files.chain, keyPath: files.key),
            clientCertificates: clients)
        return ServerTLS(options, first: try TLSContext(server: options, checksValidity: false))
    }

    func clientContext(
        _ identity: TestAuthority.Files? = nil, versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
    ) throws -> TLSContext {
        try TLSContext(
            client: TLSClientOptions(
                authoritiesPath: authority.rootPath,
                identity: identity.map { TLSIdentity(chainPath: $0.chain, keyPath: $0.key) },
                versions: versions))
    }

    func client(
        _ loop: EventLoop, _ identity: TestAuthority.Files? = nil,
        versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
    ) throws -> Client {
        var configuration = ClientConfiguration()
        configuration.tls = try clientContext(identity, versions: versions)
        // Nothing here is about being late, and tests share their machine.
        configuration.connectTimeout = .seconds(20)
        configuration.handshakeTimeout = .seconds(20)
        configuration.requestTimeout = .seconds(60)
        return Client(
            loop: loop, configuration: configuration,
            logger: Logger(service: "test", sink: MemorySink()))
    }
}

extension Running {
    /// A connection whose handshake is done.
    func secureClient(_ context: TLSContext) async throws -> RawClient {
        let connection = try await TCPConnection.connect(
            host: "127.0.0.1", port: port, timeout: .seconds(20), on: loop)
        let filter = try TLSSession(client: context, host: "127.0.0.1", port: port)
        try await connection.secure(filter, deadline: .after(.seconds(60)))
        return RawClient(connection)
    }

    func metric(_ line: String) -> Bool { metrics.render().contains(line) }

    /// Polls a condition, at most a minute.
    func until(_ what: String, _ condition: () -> Bool) async throws {
        let deadline = Deadline.after(.seconds(60))
        while !condition() {
            try #require(!deadline.isPast, "waited too long: \(what)")
            try await loop.sleep(for: .milliseconds(2))
        }
    }
}

/// A program of others.
struct Stranger {
    let status: Int32
    let output: String

    static func exists(_ name: String) -> Bool { path(of: name) != nil }

    private static func path(of name: String) -> String? {
        ["/usr/bin/", "/usr/local/bin/", "/bin/"].map { $0 + name }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Runs it to its end, with standard output and error as one text.
    static func run(
        _ name: String, _ arguments: [String], input: String = "", in folder: String
    ) async throws -> Stranger {
        let id = UUID().uuidString
        let (inputPath, outputPath) = ("\(folder)/\(id).in", "\(folder)/\(id).out")
        for (path, text) in [(inputPath, input), (outputPath, "")] {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let process = Process()
        process.executableURL = URL(filePath: try #require(path(of: name)))
        process.arguments = arguments
        let output = try #require(FileHandle(forWritingAtPath: outputPath))
        process.standardInput = FileHandle(forReadingAtPath: inputPath)
        process.standardOutput = output
        process.standardError = output
        let status = try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
        let data = try #require(FileManager.default.contents(atPath: outputPath))
        return Stranger(status: status, output: String(decoding: data, as: UTF8.self))
    }
}
