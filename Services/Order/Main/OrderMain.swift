import Configuration
import Glibc
import OrderService
import ServiceKit

@main
enum OrderMain {
    static func main() async {
        if CommandLine.arguments.dropFirst().first == "--create-topics" { await createTopics() }
        await ServiceProgram.main(
            "order", operationsPort: OrderConfiguration.operationsPortSetting
        ) { try OrderApplication($0).composition }
    }

    /// Ends the process: 0 when all topics are as they must be, 78 when not.
    private static func createTopics() async -> Never {
        do {
            try await TopicCreation.run(.process())
            print("all topics are there")
            exit(0)
        } catch {
            let line = Array("order --create-topics: \(error)\n".utf8)
            _ = write(STDERR_FILENO, line, line.count)
            exit(ExitCode.configuration)
        }
    }
}
