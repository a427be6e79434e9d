import Foundation
import Glibc
import NativeServers
import Support
import Testing

@testable import Mercatoctl

@Suite struct StackFileTests {
    private func entry(_ name: String, _ process: ProcessIdentity) -> StackFile.Entry {
        .init(
            launch: Launch(
                name: name, kind: .service, program: "/bin/true", arguments: [], environment: [:],
                log: "/dev/null", port: 1, portKey: "MERCATO_PORT_X", readiness: .connects,
                stopSignal: SIGTERM, stopSeconds: 1), process: process)
    }

    private func file(_ entries: [StackFile.Entry]) -> StackFile {
        var file = StackFile(publicURL: "http://127.0.0.1:8080", adminURL: "http://127.0.0.1:8081")
        for entry in entries { file.record(entry) }
        return file
    }

    private func own() throws -> ProcessIdentity {
        try #require(ProcessIdentity(of: getpid()))
    }

    @Test func `it is read back as it was written, and only its owner may read it`() throws {
        let path = try ScratchFolder.make("stack") + "/stack.json"
        let written = file([entry("order", try own())])
        try written.save(path)
        #expect(try StackFile.load(path) == written)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test func `none is no error, an unreadable one is`() throws {
        let folder = try ScratchFolder.make("stack")
        #expect(try StackFile.load(folder + "/none.json") == nil)
        try Folders.writePrivate("{", to: folder + "/broken.json")
        #expect(throws: CommandFailure.self) { try StackFile.load(folder + "/broken.json") }
    }

    @Test func `a process whose number was reused counts as ended`() throws {
        let own = try own()
        let stack = file([
            entry("order", own),
            entry("cart", ProcessIdentity(pid: own.pid, startTicks: own.startTicks + 1)),
        ])
        #expect(stack.running.map(\.name) == ["order"])
    }

    @Test func `a successor takes the place of its predecessor`() throws {
        var stack = file([
            entry("order", ProcessIdentity(pid: 1, startTicks: 1)),
            entry("cart", ProcessIdentity(pid: 2, startTicks: 2)),
        ])
        stack.record(entry("order", try own()))
        #expect(stack.entries.map(\.name) == ["order", "cart"])
        #expect(stack.running.map(\.name) == ["order"])
    }

    @Test func `provider and broker are understood by their short names`() throws {
        let stack = file([
            entry("payment-provider", try own()), entry("devbroker", try own()),
        ])
        #expect(stack.entry("provider")?.name == "payment-provider")
        #expect(stack.entry("broker")?.name == "devbroker")
        #expect(stack.entry("gateway") == nil)
    }
}

@Suite struct StackLockTests {
    @Test func `a second holder waits for the first, and is told so`() async throws {
        let path = try ScratchFolder.make("lock") + "/lock"
        var first: StackLock? = try StackLock.acquire(path, interruption: Interruption())
        let error = #expect(throws: NativeError.self) {
            try StackLock.acquire(
                path, within: .milliseconds(80), interruption: Interruption())
        }
        #expect(error?.code == .timedOut)
        #expect(first != nil)
        first = nil
        _ = try StackLock.acquire(path, within: .seconds(5), interruption: Interruption())
    }
}
