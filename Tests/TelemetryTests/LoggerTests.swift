import Basics
import Foundation
import Synchronization
import Testing

@testable import Telemetry

@Suite struct LoggerTests {
    @Test func `a line is one JSON object with the fixed members first`() throws {
        let line = LogLine.encode(
            at: WallTime(microseconds: 0), level: .info, service: "cart", message: "started",
            fields: ["port": 8101, "b": true, "a": "x", "d": 1.5])
        let expected = """
            {"ts":"1970-01-01T00:00:00.000000Z","level":"info","service":"cart",\
            "msg":"started","a":"x","b":true,"d":1.5,"port":8101}

            """
        #expect(String(decoding: line, as: UTF8.self) == expected)
    }

    @Test(arguments: [
        "quote \" and \\ backslash", "line\nfeed\r\ttab", "nul \u{0} and \u{1f}", "žluťoučký 🐎", "",
    ])
    func `any text survives the way through JSON`(text: String) throws {
        let sink = MemorySink()
        Logger(service: "s", sink: sink).info("m", ["text": .string(text)])
        let line = try #require(sink.lines.first)
        #expect(!line.contains("\n"))
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(object?["text"] as? String == text)
    }

    @Test func `long text is cut between characters`() throws {
        let sink = MemorySink()
        Logger(service: "s", sink: sink)
            .info("m", ["text": .string("a" + String(repeating: "ž", count: LogValue.textMax))])
        let object = try JSONSerialization.jsonObject(
            with: Data(try #require(sink.lines.first).utf8))
        let text = try #require((object as? [String: Any])?["text"] as? String)
        #expect(text.utf8.count <= LogValue.textMax + 4)
        #expect(text.hasSuffix("ž…"))
    }

    @Test func `lines below the level are not written`() {
        let sink = MemorySink()
        let logger = Logger(service: "s", level: .warning, sink: sink)
        logger.notice("no")
        logger.warning("yes")
        #expect(sink.lines.count == 1)
        #expect(!logger.writes(.info))
    }

    @Test func `carried fields are added and newer values win`() {
        let sink = MemorySink()
        let logger = Logger(service: "s", sink: sink).with(["a": 1, "b": 2]).with(["b": 3])
        logger.info("m", ["a": 4])
        #expect(sink.lines.first?.contains(#""a":4,"b":3"#) == true)
    }

    @Test func `a field cannot take the place of a fixed member`() {
        let sink = MemorySink()
        Logger(service: "s", sink: sink).info("m", ["level": "fake"])
        #expect(sink.lines.first?.contains(#""level":"info""#) == true)
        #expect(sink.lines.first?.contains(#""field_level":"fake""#) == true)
    }

    @Test func `a number JSON cannot spell becomes text`() throws {
        let sink = MemorySink()
        Logger(service: "s", sink: sink).info("m", ["x": .double(.infinity)])
        #expect(sink.lines.first?.contains(#""x":"inf""#) == true)
    }
}

@Suite struct BufferedSinkTests {
    /// Holds the writer thread inside `write` until it is opened.
    final class GatedOutput: LogOutput {
        let gate = DispatchSemaphore(value: 0)
        let entered = DispatchSemaphore(value: 0)
        let written = Mutex<[UInt8]>([])
        func write(_ bytes: [UInt8]) {
            entered.signal()
            gate.wait()
            written.withLock { $0 += bytes }
        }
    }

    @Test func `a full queue drops lines and reports how many`() {
        let output = GatedOutput()
        let sink = BufferedSink(service: "s", output: output, pendingBytesMax: 10)
        sink.write(Array("first\n".utf8))
        output.entered.wait()
        sink.write(Array("second\n".utf8))
        sink.write(Array("third\n".utf8))
        sink.write(Array("fourth\n".utf8))
        #expect(sink.droppedLines == 2)
        output.gate.signal()
        output.gate.signal()
        sink.flush()
        let text = output.written.withLock { String(decoding: $0, as: UTF8.self) }
        #expect(text.hasPrefix("first\nsecond\n"))
        #expect(text.contains(#""dropped":2"#))
        sink.close()
    }

    @Test func `flush returns when lines are at their destination, in order`() {
        let output = GatedOutput()
        for _ in 0..<2_000 { output.gate.signal() }
        let sink = BufferedSink(service: "s", output: output)
        for number in 0..<1_000 { sink.write(Array("\(number)\n".utf8)) }
        sink.flush()
        let text = output.written.withLock { String(decoding: $0, as: UTF8.self) }
        let expected = (0..<1_000).map { "\($0)\n" }.joined()
        #expect(text == expected)
        sink.close()
    }
}

@Suite struct RotatingFileTests {
    @Test func `a file that would grow too large is moved aside, and the oldest replaced`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "log-\(UniqueID.v7())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // Ignored: scratch files.
        let path = folder.appending(path: "x.log").path
        let file = try RotatingFile(path: path, sizeMax: 10, filesMax: 3)
        for line in ["one....\n", "two....\n", "three..\n", "four...\n"] {
            file.write(Array(line.utf8))
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "four...\n")
        #expect(try String(contentsOfFile: path + ".1", encoding: .utf8) == "three..\n")
        #expect(try String(contentsOfFile: path + ".2", encoding: .utf8) == "two....\n")
        #expect(!FileManager.default.fileExists(atPath: path + ".3"))
    }

    @Test func `a file that cannot be opened is named`() {
        let error = #expect(throws: LogFileError.self) {
            _ = try RotatingFile(path: "/nonexistent/folder/x.log")
        }
        #expect(error?.description.contains("/nonexistent/folder/x.log") == true)
    }
}
