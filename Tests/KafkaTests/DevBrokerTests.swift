import Contracts
import Glibc
import Kafka
import NativeServers
import Sockets
import Support
import Testing

@Suite struct DevBrokerTests {
    /// A second DevBroker of this test on the ports given.
    private func launch(port: Int, operations: Int) throws -> Launch {
        try ServiceProcess.launch(
            name: "devbroker", kind: .devbroker, binaries: ServiceProcess.binaries(),
            environment: [
                "MERCATO_PORT_BROKER": String(port),
                "MERCATO_PORT_DEVBROKER_OPS": String(operations),
            ],
            port: port, portKey: "MERCATO_PORT_BROKER", operationsPort: operations,
            log: ScratchFolder.make("devbroker") + "/devbroker.log")
    }

    @Test func `a taken port ends it with code 4 and names the process that holds it`()
        async throws
    {
        let broker = try await ScratchBroker.start()
        let holder = try #require(PortHolder.find(broker.port)?.pid)
        let port = broker.port
        let (exit, log) = try await Blocking.run { () -> (NativeServers.ExitStatus?, String) in
            let launch = try launch(port: port, operations: FreePort.any())
            let child = try ChildProcess(launch)
            Watchdog.shared.watch(child.identity)
            let exit = child.waitForExit(within: .seconds(30))
            return (exit, launch.logTail().joined(separator: "\n"))
        }
        #expect(exit == .code(4))
        #expect(log.contains("MERCATO_PORT_BROKER"))
        #expect(log.contains(String(port)))
        #expect(log.contains(String(holder)))
        try await broker.stop()
    }

    @Test func `it serves every topic, says once that it is ready, and ends with code 0`()
        async throws
    {
        let (exit, log) = try await Blocking.run { () -> (NativeServers.ExitStatus?, [String]) in
            let launch = try launch(port: FreePort.any(), operations: FreePort.any())
            let child = try ChildProcess(launch)
            Watchdog.shared.watch(child.identity)
            try child.waitUntilReady(within: .seconds(30))
            child.signal(SIGTERM)
            return (child.waitForExit(within: .seconds(30)), launch.logTail(lines: 100))
        }
        #expect(exit == .code(0))
        #expect(log.filter { $0.contains("broker ready") }.count == 1)
    }

    @Test func `the broker is on the port that it was told`() async throws {
        let broker = try await ScratchBroker.start()
        let configuration = KafkaConfiguration(
            bootstrapServers: "127.0.0.1:\(broker.port)", clientID: "test", isMock: true)
        for topic in Topics.all {
            let count = try await TopicAdmin.partitionCount(topic.name, configuration)
            #expect(count == topic.partitions)
        }
        try await broker.stop()
    }
}
