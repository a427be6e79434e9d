import Basics
import NativeServers
import Sockets
import Support
import Telemetry
import Testing

@testable import Redis

@Suite(.timeLimit(.minutes(2)))
struct RedisScriptTests {
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        (String(repeating: "a", count: 1_000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
    ])
    func `a script's name is the SHA-1 of its text`(text: String, name: String) {
        #expect(RedisScript(text).name == name)
    }

    private func connected(_ body: (RedisClient) async throws -> Void) async throws {
        let port = try await ScratchRedis.shared.port()
        try await TestLoop.run { loop in
            let client = RedisClient(
                configuration: RedisConfiguration(
                    port: port, connectTimeout: .seconds(2), commandTimeout: .seconds(2)),
                loop: loop, logger: QuietLog.logger(), metrics: QuietLog.metrics())
            let running = Task(executorPreference: loop) { try await client.run() }
            let outcome: Result<Void, any Error>
            do {
                try await eventually("the client is connected") { await client.isConnected }
                outcome = .success(try await body(client))
            } catch {
                outcome = .failure(error)
            }
            running.cancel()
            _ = await running.result
            try outcome.get()
        }
    }

    @Test func `an unknown script is sent once by its text, then by its name (RL-7)`() async throws {
        try await connected { client in
            let script = RedisScript("return {KEYS[1], ARGV[1], '\(UniqueID.v7())'}")
            let exists = ["SCRIPT", "EXISTS", script.name]
            #expect(try await client.command(exists) == .array([.integer(0)]))
            for _ in 0..<2 {
                let reply = try await client.evaluate(script, keys: ["k"], arguments: ["a"])
                guard case .array(let parts) = reply else {
                    Issue.record("another reply: \(reply)")
                    return
                }
                #expect(parts.prefix(2).map(\.text) == ["k", "a"])
                #expect(try await client.command(exists) == .array([.integer(1)]))
            }
        }
    }

    @Test func `a script that fails is refused with Redis' words`() async throws {
        try await connected { client in
            let script = RedisScript("return redis.error_reply('MINE no')")
            let error = await #expect(throws: RedisError.self) {
                try await client.evaluate(script, keys: [], arguments: [])
            }
            #expect(error?.code == .refused)
            #expect(error?.message.contains("MINE") == true)
            #expect(await client.storeState == .closed)
        }
    }

    @Test func `without a connection the state says so, and a script fails at once`() async throws {
        let port = try FreePort.any()
        try await TestLoop.run { loop in
            let client = RedisClient(
                configuration: RedisConfiguration(port: port), loop: loop,
                logger: QuietLog.logger(), metrics: QuietLog.metrics())
            #expect(await client.storeState == .disconnected)
            let error = await #expect(throws: RedisError.self) {
                try await client.evaluate(RedisScript("return 1"), keys: [], arguments: [])
            }
            #expect(error?.code == .notConnected)
        }
    }
}
