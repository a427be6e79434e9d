import Foundation
import Glibc
import Testing

@testable import PaymentProviderService

@Suite struct JournalTests {
    private static func entry(_ seq: Int64) -> JournalEntry {
        JournalEntry(
            seq: seq, at: "2026-01-01T00:00:00.000000Z", key: "k\(seq)", merchantReference: "o1",
            kind: .authorize, amountMinor: 1200, currency: "EUR", bodyHash: "h", outcome: .approved,
            providerRef: "auth_\(seq)", evidence: .init(cardToken: "tok_ok"))
    }

    /// A path in a fresh folder that is removed afterwards.
    private static func withPath(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("mercato-journal-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            // Ignored: a folder left in the temporary directory harms nobody.
            try? FileManager.default.removeItem(at: folder)
        }
        try await body(folder.appendingPathComponent("journal.jsonl").path)
    }

    private static func append(_ writer: JournalWriter, _ entry: JournalEntry) async throws {
        let line = try JournalFile.encode(entry)
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            writer.append(line) { done.resume(with: $0.mapError { $0 as any Error }) }
        }
    }

    @Test func `what was appended is read back after a restart, in order`() async throws {
        try await Self.withPath { path in
            let opened = try JournalFile.open(path)
            #expect(opened.entries.isEmpty && opened.cut == 0)
            let writer = JournalWriter(path: path, descriptor: opened.descriptor)
            writer.start()
            try await Self.append(writer, Self.entry(1))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for seq in 2...200 {
                    group.addTask { try await Self.append(writer, Self.entry(Int64(seq))) }
                }
                try await group.waitForAll()
            }
            writer.close()
            let again = try JournalFile.open(path)
            JournalFile.release(again.descriptor)
            #expect(Set(again.entries.map(\.seq)) == Set(1...200))
            #expect(again.entries[0] == Self.entry(1))
        }
    }

    @Test func `a second writer is refused while the first has the journal`() async throws {
        try await Self.withPath { path in
            let opened = try JournalFile.open(path)
            let refusal = #expect(throws: JournalError.self) { try JournalFile.open(path) }
            #expect(refusal?.code == .inUse)
            #expect(refusal?.description.contains("in use by another payment-provider") == true)
            JournalFile.release(opened.descriptor)
            JournalFile.release(try JournalFile.open(path).descriptor)
        }
    }

    @Test func `a torn last line is cut, and writing goes on behind the sound part`() async throws {
        try await Self.withPath { path in
            let line = try JournalFile.encode(Self.entry(1)) + [UInt8(ascii: "\n")]
            try Data(line + Array("{\"seq\":2,\"at".utf8)).write(to: URL(fileURLWithPath: path))
            let opened = try JournalFile.open(path)
            #expect(opened.entries == [Self.entry(1)])
            #expect(opened.cut == 12)
            let writer = JournalWriter(path: path, descriptor: opened.descriptor)
            writer.start()
            try await Self.append(writer, Self.entry(2))
            writer.close()
            let again = try JournalFile.open(path)
            JournalFile.release(again.descriptor)
            #expect(again.entries == [Self.entry(1), Self.entry(2)])
        }
    }

    @Test func `a spoiled line in the middle is refused and named`() async throws {
        try await Self.withPath { path in
            let line = try JournalFile.encode(Self.entry(1)) + [UInt8(ascii: "\n")]
            try Data(line + Array("rubbish\n".utf8) + line).write(to: URL(fileURLWithPath: path))
            let error = #expect(throws: JournalError.self) { _ = try JournalFile.open(path) }
            #expect(error?.code == .corrupt(line: 2))
        }
    }

    @Test func `after a failed write nothing more is accepted`() async throws {
        // A descriptor opened for reading only makes every write fail.
        let descriptor = open("/dev/null", O_RDONLY)
        let writer = JournalWriter(path: "/dev/null", descriptor: descriptor)
        writer.start()
        await #expect(throws: JournalError.self) { try await Self.append(writer, Self.entry(1)) }
        await #expect(throws: JournalError.self) { try await Self.append(writer, Self.entry(2)) }
        writer.close()
    }

    @Test func `every column of the journal is in every line, absent ones as null`() throws {
        let fence = JournalEntry(
            seq: 1, at: "t", key: "k", merchantReference: nil, kind: .cancel, amountMinor: nil,
            currency: nil, bodyHash: "", outcome: .cancelled, providerRef: nil, evidence: .init())
        let text = String(decoding: try JournalFile.encode(fence), as: UTF8.self)
        #expect(
            text == """
                {"amount_minor":null,"at":"t","body_hash":"","currency":null,"evidence":{},"key":"k",\
                "kind":"cancel","merchant_reference":null,"outcome":"cancelled","provider_ref":null,\
                "seq":1}
                """)
    }
}
