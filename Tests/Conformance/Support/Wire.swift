import Basics
import HTTP
import Sockets

/// The client's end of a connection: bytes out, bytes in, and nothing of the code under test between
/// but the socket.
final class Wire: Sendable {
    /// No test waits longer than this for anything.
    static let patience: Duration = .seconds(20)

    let connection: TCPConnection

    init(_ connection: TCPConnection) { self.connection = connection }

    static func connect(_ port: Int) async throws -> Wire {
        Wire(
            try await TCPConnection.connect(
                host: "127.0.0.1", port: port, timeout: patience, on: Loops.client.get()))
    }

    func send(_ bytes: [UInt8]) async throws { try await connection.write(bytes) }

    func send(_ text: String) async throws { try await send(latin1(text)) }

    /// One write for each byte.
    func trickle(_ bytes: [UInt8]) async throws {
        for byte in bytes { try await connection.write([byte]) }
    }

    func finishSending() async { await connection.finishWriting() }

    func close() async { await connection.close() }

    /// Closes with a reset.
    func abort() async { await connection.abort() }

    /// Exactly so many bytes; throws at a premature end.
    func read(_ count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let some = try await connection.read(
                upTo: count - all.count, deadline: .after(Self.patience))
            guard !some.isEmpty else { throw SocketError(.closed, "premature end") }
            all += some
        }
        return all
    }

    /// The next answer, read as its framing says.
    func answer(isHead: Bool = false) async throws -> Answer {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) { head += try await read(1) }
        var answer = try Answer(head: head)
        guard answer.hasBody(isHead: isHead) else { return answer }
        if answer["transfer-encoding"] == "chunked" {
            while case let piece = try await chunk(), !piece.isEmpty { answer.body += piece }
        } else {
            answer.body = try await read(Int(answer["content-length"] ?? "") ?? 0)
        }
        return answer
    }

    /// One chunk's data; empty for the last.
    func chunk() async throws -> [UInt8] {
        var size: [UInt8] = []
        while !size.suffix(2).elementsEqual([13, 10]) { size += try await read(1) }
        let count = Int(String(decoding: size.dropLast(2), as: UTF8.self), radix: 16) ?? 0
        return Array(try await read(count + 2).dropLast(2))
    }

    /// Everything that still comes until the server ends the connection.
    func rest(isHead: Bool = false) async throws -> Conversation {
        var all: [UInt8] = []
        do throws(SocketError) {
            while true {
                let some = try await connection.read(deadline: .after(Self.patience))
                if some.isEmpty { return Conversation(all, isHead: isHead, isReset: false) }
                all += some
            }
        } catch {
            guard error.code == .connectionReset else { throw error }
            return Conversation(all, isHead: isHead, isReset: true)
        }
    }
}

/// One response as it came over the wire, read without the code under test.
struct Answer: Sendable {
    struct Broken: Error {
        let head: String
    }

    let status: Int
    let fields: [(name: String, value: String)]
    var body: [UInt8] = []

    init(head: [UInt8]) throws {
        let text = String(String.UnicodeScalarView(head.map { Unicode.Scalar($0) }))
        var lines = text.split(separator: "\r\n").map(String.init)
        let words = lines.isEmpty ? [] : lines.removeFirst().split(separator: " ")
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            throw Broken(head: text)
        }
        self.status = status
        fields = lines.map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            let value = parts.count > 1 ? parts[1].drop { $0 == " " } : ""
            return (parts[0].lowercased(), String(value))
        }
    }

    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    func hasBody(isHead: Bool) -> Bool {
        !isHead && status >= 200 && status != 204 && status != 304
    }

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// All that a server said on a connection until it ended it.
struct Conversation: Sendable {
    private(set) var answers: [Answer] = []
    /// The connection was cut instead of ended.
    let isReset: Bool
    /// Bytes that are no response, or the beginning of one.
    private(set) var surplus: [UInt8] = []

    init(_ bytes: [UInt8], isHead: Bool, isReset: Bool) {
        self.isReset = isReset
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let answer = Self.take(&rest, isHead: isHead && answers.isEmpty) else { break }
            answers.append(answer)
        }
        surplus = Array(rest)
    }

    var statuses: [Int] { answers.map(\.status) }

    private static func take(_ rest: inout ArraySlice<UInt8>, isHead: Bool) -> Answer? {
        guard let end = emptyLine(in: rest) else { return nil }
        // Ignored: what cannot be read stays behind as surplus, which the tests look at.
        guard var answer = try? Answer(head: Array(rest[..<end])) else { return nil }
        var after = rest[end...]
        if answer.hasBody(isHead: isHead) {
            if answer["transfer-encoding"] == "chunked" {
                guard let body = chunks(&after) else { return nil }
                answer.body = body
            } else if let length = answer["content-length"].flatMap(Int.init) {
                guard after.count >= length else { return nil }
                answer.body = Array(after.prefix(length))
                after = after.dropFirst(length)
            } else {
                answer.body = Array(after)
                after = []
            }
        }
        rest = after
        return answer
    }

    /// The index behind the first empty line.
    private static func emptyLine(in bytes: ArraySlice<UInt8>) -> Int? {
        var index = bytes.startIndex
        while index + 4 <= bytes.endIndex {
            if bytes[index..<(index + 4)].elementsEqual([13, 10, 13, 10]) { return index + 4 }
            index += 1
        }
        return nil
    }

    private static func chunks(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        var body: [UInt8] = []
        while let end = rest.firstIndex(of: 10) {
            let line = rest[..<end].dropLast()
            guard let size = Int(String(decoding: line, as: UTF8.self), radix: 16),
                rest.endIndex - end > size + 2
            else { return nil }
            body += rest[(end + 1)..<(end + 1 + size)]
            rest = rest[(end + 3 + size)...]
            if size == 0 { return body }
        }
        return nil
    }
}
