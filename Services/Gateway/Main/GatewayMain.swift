import GatewayService
import ServiceKit

@main
enum GatewayMain {
    static func main() async {
        await ServiceProgram.main(
            GatewayApplication.name, operationsPort: GatewayApplication.adminPort
        ) { try GatewayApplication.compose($0) }
    }
}
