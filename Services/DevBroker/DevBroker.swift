import Configuration
import ServiceKit

/// The default broker of the demo: one in-memory broker on a fixed port, with all topics.
@main
enum DevBroker {
    static func main() async {
        await ServiceProgram.main("devbroker") { context in
            let host = BrokerHost(
                port: try context.environment.integer(
                    BrokerHost.portKey, default: 19092, in: 1...65_535),
                logger: context.logger)
            let operationsKey = "MERCATO_PORT_DEVBROKER_OPS"
            return Composition(
                operationsPort: try context.environment.integer(
                    operationsKey, default: 8207, in: 0...65_535),
                operationsPortKey: operationsKey, services: [host]
            ) {
                try await host.start()
            }
        }
    }
}
