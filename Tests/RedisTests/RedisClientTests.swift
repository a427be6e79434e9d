import Basics
import Glibc
import NativeServers
import Sockets
import Support
import Telemetry
import Testing

@testable import Redis

@Suite(.timeLimit(.minutes(2)))
struct RedisClientTests {
    /// A client whose `run()` is under way, and the means to look on.
    private struct Scratch {
        let client: RedisClient
        let metrics: MetricsRegistry

        func count(_ name: String) -> Int64 {
            metrics.counter("redis_\(name)_total", help: "").value
        }
    }

    /// Generous limits where a busy machine must not matter; the real ones are tested on their own.
    private func run(
        port: Int, commandTimeout: Duration = .seconds(2),
        _ body: (Scratch) async throws -> Void
    ) async throws {
        try await TestLoop.run { loop in
            let metrics = MetricsRegistry()
            let client = RedisClient(
                configuration: RedisConfiguration(
                    port: port, connectTimeout: .seconds(2), commandTimeout: commandTimeout),
                loop: loop, logger: QuietLog.logger(), metrics: metrics)
            let running = Task(executorPreference: loop) { try await client.run() }
            do {
                try await body(Scratch(client: client, metrics: metrics))
            } catch {
                running.cancel()
                _ = await running.result
                throw error
            }
            running.cancel()
            _ = await running.result
        }
    }

    private func connected(_ client: RedisClient) async throws {
        try await eventually("the client is connected") { await client.isConnected }
    }

    private func process(_ client: RedisClient) async throws -> ProcessIdentity {
        let info = try await client.command(["INFO", "server"]).text ?? ""
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("process_id:") }
        let pid = try #require(line.flatMap { Int32($0.dropFirst("process_id:".count)) })
        return try #require(ProcessIdentity(of: pid))
    }

    private func code(_ client: RedisClient) async -> RedisError.Code? {
        do throws(RedisError) {
            _ = try await client.command(["PING"])
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `a value is stored, found, lives for a while and is deleted`() async throws {
        try await run(port: ScratchRedis.shared.port()) { scratch in
            let client = scratch.client
            try await connected(client)
            let key = "test:\(UniqueID.v7())"
            #expect(await client.get(key) == nil)
            let bytes = (0...255).map { UInt8($0) }
            await client.set(key, bytes, timeToLive: .seconds(60))
            #expect(await client.get(key) == bytes)
            let left = try await client.command(["PTTL", key]).integer ?? 0
            #expect(left > 0 && left <= 60_000)
            #expect(await client.delete(key))
            #expect(await client.get(key) == nil)
            await client.set(key, [], timeToLive: .seconds(60))
            #expect(await client.get(key) == [])
            #expect(scratch.count("hits") == 2)
            #expect(scratch.count("misses") == 2)
            #expect(scratch.count("failures") == 0)
        }
    }

    @Test func `commands of many callers are answered in order, each to its own`() async throws {
        try await run(port: ScratchRedis.shared.port()) { scratch in
            let client = scratch.client
            try await connected(client)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        try await client.command(["ECHO", "\(number)"]).text == "\(number)"
                    }
                }
                for try await isOwn in group { #expect(isOwn) }
            }
        }
    }

    @Test func `every kind of answer is understood, and a refusal is an error`() async throws {
        try await run(port: ScratchRedis.shared.port()) { scratch in
            let client = scratch.client
            try await connected(client)
            let reply = try await client.command([
                "EVAL", "return {1, 'two', {3, false}, redis.status_reply('OK')}", "0",
            ])
            let expected = RedisReply.array([
                .integer(1), .bytes(Array("two".utf8)), .array([.integer(3), .null]), .status("OK"),
            ])
            #expect(reply == expected)
            let error = await #expect(throws: RedisError.self) {
                try await client.command(["NOSUCHCOMMAND"])
            }
            #expect(error?.code == .refused)
            // An error that Redis answers says that Redis is well.
            #expect(await client.isConnected)
        }
    }

    @Test func `without Redis every call returns at once`() async throws {
        try await run(port: FreePort.any()) { scratch in
            let clock = ContinuousClock()
            let elapsed = await clock.measure {
                for _ in 0..<100 {
                    #expect(await scratch.client.get("key") == nil)
                    await scratch.client.set("key", [1], timeToLive: .seconds(1))
                    #expect(await !scratch.client.delete("key"))
                }
            }
            #expect(elapsed < .seconds(1))
            #expect(scratch.count("failures") == 300)
            // Each has an outcome, the ones that were answered before among them.
            let failed = scratch.metrics.render().split(separator: "\n")
                .filter { $0.hasPrefix("redis_commands_total{") && !$0.contains("answered") }
                .compactMap { Int($0.split(separator: " ").last ?? "") }
            #expect(failed.reduce(0, +) == 300)
        }
    }

    @Test func `a frozen Redis costs three short waits, then nothing, and is used again`()
        async throws
    {
        let server = try await RunningRedis.start()
        try await run(port: server.port, commandTimeout: .milliseconds(20)) { scratch in
            let client = scratch.client
            try await connected(client)
            let process = try await process(client)
            process.signal(SIGSTOP)
            defer { process.signal(SIGCONT) }
            let clock = ContinuousClock()
            for _ in 0..<3 {
                let elapsed = await clock.measure {
                    #expect(await client.get("key") == nil)
                }
                #expect(elapsed < .milliseconds(500))
            }
            #expect(await code(client) == .breakerOpen)
            // Still frozen, the connection is given up, and none is made: PING is silent.
            try await eventually("the connection is given up") {
                await code(client) == .notConnected
            }
            process.signal(SIGCONT)
            try await eventually("Redis is used again") { await code(client) == nil }
        }
        try await server.stop()
    }

    @Test func `a killed Redis is left alone and found again`() async throws {
        let server = try await RunningRedis.start()
        try await run(port: server.port) { scratch in
            let client = scratch.client
            try await connected(client)
            let process = try await process(client)
            process.signal(SIGKILL)
            try await eventually("the end is noticed") { await !client.isConnected }
            #expect(await client.get("key") == nil)
            try await server.restart()
            try await connected(client)
            await client.set("key", [7], timeToLive: .seconds(60))
            #expect(await client.get("key") == [7])
        }
        try await server.stop()
    }

    @Test func `a value over the limit is not sent`() async throws {
        try await run(port: ScratchRedis.shared.port()) { scratch in
            try await connected(scratch.client)
            let key = "test:\(UniqueID.v7())"
            let long = [UInt8](repeating: 1, count: scratch.client.configuration.valueMax + 1)
            await scratch.client.set(key, long, timeToLive: .seconds(1))
            #expect(await scratch.client.get(key) == nil)
            #expect(scratch.count("failures") == 1)
        }
    }

    @Test func `commands under way fail when the client is stopped`() async throws {
        let port = try await ScratchRedis.shared.port()
        try await TestLoop.run { loop in
            let client = RedisClient(
                configuration: RedisConfiguration(
                    port: port, connectTimeout: .seconds(2), commandTimeout: .seconds(30)),
                loop: loop, logger: QuietLog.logger(), metrics: QuietLog.metrics())
            let running = Task(executorPreference: loop) { try await client.run() }
            try await connected(client)
            async let waiting = client.get("key", blockingFor: 20)
            try await eventually("the command is under way") { await !client.pending.isEmpty }
            running.cancel()
            _ = await running.result
            #expect(await waiting == .connectionLost)
        }
    }
}

extension RedisClient {
    /// A command that Redis does not answer for some seconds; how it failed.
    fileprivate func get(_ key: String, blockingFor seconds: Int) async -> RedisError.Code? {
        do throws(RedisError) {
            _ = try await command(["BLPOP", key, "\(seconds)"])
            return nil
        } catch {
            return error.code
        }
    }
}
