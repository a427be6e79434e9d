import Basics
import Crypto
import Foundation
import HTTP
import Sockets
import TLSFixture
import Testing

/// The program that strangers' suites are pointed at, as a process.
@Suite(.timeLimit(.minutes(1)))
struct ProbeTargetTests {
    /// Built beside the tests.
    private static func program() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(filePath: own).deletingLastPathComponent().appending(path: "ProbeTarget").path
    }

    /// Runs it to its end: exit code, standard output and standard error.
    private func run(_ arguments: [String]) throws -> (code: Int32, output: String, errors: String) {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = URL(filePath: try Self.program())
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        let complained = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (
            process.terminationStatus, String(decoding: said, as: UTF8.self),
            String(decoding: complained, as: UTF8.self)
        )
    }

    @Test(arguments: [
        [], ["--port"], ["--port", "x"], ["--port", "65536"], ["--port", "1", "--port", "2"], ["8080"],
        ["--port", "0", "--what", "1"], ["--port", "0", "--cert", "a"], ["--port=-1"],
    ])
    func `bad arguments get a line, the usage, and exit code 2`(arguments: [String]) throws {
        let (code, output, errors) = try run(arguments)
        #expect(code == 2 && output.isEmpty)
        #expect(errors.hasPrefix("ProbeTarget: ") && errors.contains("usage: ProbeTarget --port N"))
    }

    @Test func `it says where it listens, answers as suites expect, and ends with 0 on SIGTERM`()
        async throws
    {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: try Self.program())
        process.arguments = ["--port", "0"]
        process.standardOutput = output
        try process.run()
        defer { if process.isRunning { process.terminate() } }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let match = try #require(line.wholeMatch(of: /listening on 127\.0\.0\.1:([0-9]+)\n/))
        let port = try #require(Int(match.1))
        try await withTaskExecutorPreference(Loops.client.get()) { try await converse(port) }
        process.terminate()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    }

    private func converse(_ port: Int) async throws {
        let wire = try await Wire.connect(port)
        try await wire.send(get(target: "/"))
        let root = try await wire.answer()
        #expect(root.status == 200 && root.text == "OK")
        #expect(root["content-type"] == "text/plain; charset=utf-8" && root["x-request-id"] != nil)
        try await wire.send(get("If-None-Match: \(root["etag"] ?? "")\r\n", target: "/"))
        #expect(try await wire.answer().status == 304)
        try await wire.send(message("HEAD", "/"))
        #expect(try await wire.answer(isHead: true)["content-length"] == "2")
        try await wire.send(
            post("Content-Type: a/b; c=d\r\nContent-Length: 5\r\n", body: "hello", target: "/"))
        let echo = try await wire.answer()
        #expect(echo.text == "hello" && echo["content-type"] == "a/b; c=d")
        try await wire.send(message("OPTIONS", "*"))
        #expect(try await wire.answer()["allow"]?.contains("POST") == true)
        try await wire.send(get(target: "/json"))
        let document = try await wire.answer()
        #expect(document.body.count == 250 && document["content-type"] == "application/json")
        try await wire.send(get(target: "/bytes/200000"))
        #expect(try await wire.answer().body.count == 200_000)
        try await wire.send(
            post("Transfer-Encoding: chunked\r\n", body: "5\r\nhello\r\n0\r\n\r\n", target: "/count"))
        #expect(try await wire.answer().text == "5")
        try await wire.send(get(target: "/slow/1"))
        #expect(try await wire.answer().status == 200)
        try await wire.send(get(target: "/bytes/-1"))
        #expect(try await wire.answer().status == 400)
        await wire.close()
    }

    /// What W3C's harness does: it is called back at each url, with the trace continued.
    @Test func `POST trace-test calls each url with the trace context continued`() async throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: try Self.program())
        process.arguments = ["--port", "0"]
        process.standardOutput = output
        try process.run()
        defer { process.terminate() }
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        let port = try #require(line.split(separator: ":").last.flatMap { Int($0.dropLast()) })
        let calls = Calls()
        try await withServer(routes: { router, _ in
            router.on(.post, "/back") { request in
                calls.note(request)
                return .text(200, "heard")
            }
        }) { running in
            let url = "http://127.0.0.1:\(running.port)/back"
            let body = #"[{"url":"\#(url)","arguments":[1,{"a":"b"}]},{"url":"\#(url)","arguments":[]}]"#
            let wire = try await Wire.connect(port)
            try await wire.send(
                post(
                    "Content-Type: application/json\r\n"
                        + "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
                        + "tracestate: a=1\r\ntracestate: b=2\r\nContent-Length: \(body.utf8.count)\r\n",
                    body: body, target: "/trace-test"))
            #expect(try await wire.answer().status == 200)
            await wire.close()
        }
        #expect(calls.bodies == [#"[1,{"a":"b"}]"#, "[]"])
        for (parent, state) in calls.traces {
            #expect(parent.hasPrefix("00-0af7651916cd43dd8448eb211c80319c-") && parent.hasSuffix("-01"))
            #expect(!parent.contains("b7ad6b7169203331") && state == "a=1,b=2")
        }
        #expect(calls.traces.count == 2)
    }

    @Test func `the same over TLS; certificates are read again on SIGHUP, and SIGTERM ends both`()
        async throws
    {
        let authority = try TestAuthority()
        let files = try authority.issue()
        let process = Process()
        let output = Pipe()
        let log = authority.folder + "/log"
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.executableURL = URL(filePath: try Self.program())
        process.arguments = [
            "--port=0", "--tls-port=0", "--cert", files.chain, "--key", files.key,
        ]
        process.standardOutput = output
        process.standardError = FileHandle(forWritingAtPath: log)
        try process.run()
        defer { if process.isRunning { process.terminate() } }
        var lines = ""
        while !lines.contains("listening on") {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { break }
            lines += String(decoding: more, as: UTF8.self)
        }
        let match = try #require(lines.firstMatch(of: /TLS on 127\.0\.0\.1:([0-9]+)\n/))
        let port = try #require(Int(match.1))
        let context = try TLSContext(
            client: TLSClientOptions(authoritiesPath: authority.rootPath))
        try await withTaskExecutorPreference(Loops.client.get()) {
            for round in 0..<2 {
                let wire = try await Wire.connect(port)
                try await wire.connection.secure(
                    try TLSSession(client: context, host: "127.0.0.1", port: port),
                    deadline: .after(Wire.patience))
                try await wire.send(get(target: "/json") + get("Connection: close\r\n", target: "/"))
                #expect(try await wire.rest().statuses == [200, 200])
                await wire.close()
                guard round == 0 else { continue }
                kill(process.processIdentifier, SIGHUP)
                try await eventually("the certificates are read again") {
                    try String(contentsOfFile: log, encoding: .utf8).contains("reloaded")
                }
            }
        }
        process.terminate()
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    }

    @Test func `a certificate that cannot be read is said in one line, and is exit code 1`() throws {
        let (code, output, errors) = try run([
            "--port=0", "--tls-port=0", "--cert", "/nowhere/chain.pem", "--key", "/nowhere/key.pem",
        ])
        #expect(code == 1 && output.isEmpty)
        #expect(errors.hasPrefix("ProbeTarget: ") && errors.contains("/nowhere/"))
    }
}
