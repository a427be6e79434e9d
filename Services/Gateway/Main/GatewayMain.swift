import GatewayService
import ServiceKit

@main
enum GatewayMain {
    static func main() async {
        await ServiceProgram.main(GatewayApplication.name) { try GatewayApplication.compose($0) }
    }
}
