import Basics
import HTTP
import Sockets
import Synchronization
import Telemetry
import Testing

@testable import ServiceKit

@Suite(.timeLimit(.minutes(1))) struct ServiceRuntimeTests {
    @Test func `it listens first, answers starting, and serves when it is prepared`() async throws {
        let latch = Latch()
        let ended = try await TestService.run { context in
            var api = Router()
            api.on(.get, "/hello") { _ in .text(200, "hello") }
            return Composition(api: api, apiPort: 0, operationsPort: 0) {
                try await latch.wait()
            }
        } _: { service in
            #expect(try await service.get("/livez", operations: true).status == 200)
            let before = try await service.get("/readyz", operations: true)
            #expect(before.status == 503)
            #expect(before.text.contains(#""start":{"cause":"#))
            let refused = try await service.get("/hello")
            #expect(refused.status == 503)
            #expect(refused.headers["Retry-After"] == "1")
            #expect(refused.headers["Content-Type"] == "application/problem+json")
            #expect(refused.text.contains(#""code":"starting""#))
            latch.open()
            try await service.eventually("ready") {
                try await service.get("/readyz", operations: true).status == 200
            }
            #expect(try await service.get("/hello").text == "hello")
        }
        #expect(ended == nil)
    }

    @Test func `a failing preparation is named in readyz, logged once, and tried again`()
        async throws
    {
        let attempts = Mutex(0)
        try await TestService.run { context in
            Composition(api: Router(), apiPort: 0, operationsPort: 0) {
                let attempt = attempts.withLock { count in
                    count += 1
                    return count
                }
                if attempt < 3 { throw Refusal(description: "no database at db:5432") }
            }
        } _: { service in
            try await service.eventually("first failure") {
                let answer = try await service.get("/readyz", operations: true)
                return answer.text.contains("no database at db:5432") || answer.status == 200
            }
            try await service.eventually("ready") {
                try await service.get("/readyz", operations: true).status == 200
            }
            #expect(service.log("not reachable yet").count == 1)
        }
        #expect(attempts.withLock { $0 } == 3)
    }

    @Test func `an error with an exit code ends the service with it`() async throws {
        let ended = try await TestService.run { _ in
            Composition(api: Router(), apiPort: 0, operationsPort: 0) {
                throw ExitError.configuration("a migration was changed")
            }
        } _: { service in
            try await service.eventually("the end") { !service.log("stage ended").isEmpty }
        }
        #expect((ended as? any ExitCoded)?.exitCode == 78)
    }

    @Test func `stages end in order and a request in flight is answered (HC-3)`() async throws {
        let (latch, journal) = (Latch(), Journal())
        let ended = try await TestService.run { context in
            var api = Router()
            api.on(.get, "/slow") { _ in
                journal.add("request began")
                try await latch.wait()
                journal.add("request ended")
                return .text(200, "done")
            }
            @Sendable func part(_ name: String) -> LongRunningTask {
                LongRunningTask(name) {
                    journal.add("\(name) began")
                    do { try await context.loop.sleep(for: .seconds(3_600)) } catch {
                        journal.add("\(name) ended")
                    }
                }
            }
            return Composition(
                api: api, apiPort: 0, operationsPort: 0, foundations: [part("pool")],
                services: [part("relay")])
        } _: { service in
            try await service.eventually("ready") {
                try await service.get("/readyz", operations: true).status == 200
            }
            async let answer = service.get("/slow")
            try await service.eventually("in flight") {
                journal.entries.contains("request began")
            }
            service.runtime.shutDown(because: "test")
            try await service.eventually("draining") {
                try await service.get("/readyz", operations: true).text.contains("draining")
            }
            #expect(!journal.entries.contains("relay ended"))
            latch.open()
            #expect(try await answer.text == "done")
        }
        #expect(ended == nil)
        let last = journal.entries.suffix(3)
        #expect(Array(last) == ["request ended", "relay ended", "pool ended"])
    }

    @Test func `while it waits for balancers to notice, it serves and keeps no connection (HC-3)`()
        async throws
    {
        let ended = try await TestService.run(
            settings: RuntimeSettings(drainWait: .seconds(2))
        ) { _ in
            var api = Router()
            api.on(.get, "/hello") { _ in .text(200, "hello") }
            return Composition(api: api, apiPort: 0, operationsPort: 0)
        } _: { service in
            try await service.eventually("ready") {
                try await service.get("/readyz", operations: true).status == 200
            }
            #expect(try await service.get("/hello").headers["connection"] != "close")
            service.runtime.shutDown(because: "test")
            try await service.eventually("draining") {
                try await service.get("/readyz", operations: true).status == 503
            }
            try await service.eventually("letting go") {
                let answer = try await service.get("/hello")
                return answer.status == 200 && answer.headers["connection"] == "close"
            }
        }
        #expect(ended == nil)
    }

    @Test func `a part that does not end is named when the drain limit has passed`() async throws {
        let latch = Latch()
        let ended = try await TestService.run(
            settings: RuntimeSettings(drainLimit: .milliseconds(100))
        ) { context in
            Composition(
                api: Router(), apiPort: 0, operationsPort: 0,
                services: [
                    LongRunningTask("stubborn") {
                        await withCheckedContinuation { continuation in
                            // Reason: stands for code that ignores cancellation.
                            Task(executorPreference: context.loop) {
                                try? await latch.wait()  // Ignored: it cannot fail here.
                                continuation.resume()
                            }
                        }
                    }
                ])
        } _: { service in
            try await service.eventually("ready") {
                try await service.get("/readyz", operations: true).status == 200
            }
        }
        #expect((ended as? any ExitCoded)?.exitCode == 1)
        #expect(String(describing: ended).contains("stubborn"))
        latch.open()
    }

    @Test func `a failing part is started again while the others go on`() async throws {
        let starts = Mutex(0)
        try await TestService.run { context in
            Composition(
                operationsPort: 0,
                services: [
                    LongRunningTask("flaky") {
                        let count = starts.withLock { count in
                            count += 1
                            return count
                        }
                        if count < 3 { throw Refusal(description: "poison") }
                        try await context.loop.sleep(for: .seconds(3_600))
                    }
                ])
        } _: { service in
            try await service.eventually("third start") { starts.withLock { $0 } == 3 }
            #expect(service.log("part failed").count == 2)
            #expect(
                try await service.get("/metrics", operations: true).text
                    .contains("service_part_restarts_total{part=\"flaky\"} 2"))
        }
    }

    @Test func `a taken port is named with its variable and its holder`() async throws {
        try await TestService.run { _ in
            Composition(operationsPort: 0)
        } _: { first in
            let second = ServiceRuntime(
                context: first.context,
                composition: Composition(
                    operationsPort: first.ports.operations,
                    operationsPortKey: "MERCATO_PORT_X_OPS"),
                settings: RuntimeSettings())
            let error = await #expect(throws: PortInUse.self) { try await second.run() }
            #expect(error?.key == "MERCATO_PORT_X_OPS")
            #expect(error?.port == first.ports.operations)
            #expect(error?.exitCode == 4)
            #expect(error?.holder?.pid == Int32(ProcessIdentity.number))
        }
    }

    @Test func `a service's own operations routes stand beside the common ones`() async throws {
        try await TestService.run { _ in
            var operations = Router()
            operations.on(.get, "/internal/audit") { _ in .text(200, "audit") }
            return Composition(operations: operations, operationsPort: 0)
        } _: { service in
            #expect(try await service.get("/internal/audit", operations: true).text == "audit")
            let page = try await service.get("/metrics", operations: true)
            #expect(page.headers["Content-Type"]?.hasPrefix("text/plain; version=0.0.4") == true)
        }
    }
}
