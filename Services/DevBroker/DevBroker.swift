import Configuration
import ServiceKit

/// The default broker of the demo: one in-memory broker on a fixed port, with all topics.
@main
enum DevBroker {
    static func main() async {
        let operations = PortSetting("MERCATO_PORT_DEVBROKER_OPS", default: 8207)
        await ServiceProgram.main("devbroker", operationsPort: operations) { context in
            let host = BrokerHost(
                port: try context.environment.integer(
                    BrokerHost.portKey, default: 19092, in: 1...65_535),
                logger: context.logger)
            return Composition(
                operationsPort: try operations.read(context.environment),
                operationsPortKey: operations.key, services: [host]
            ) {
                try await host.start()
            }
        }
    }
}
