import PaymentProviderService
import ServiceKit

@main
enum PaymentProviderMain {
    static func main() async {
        await ServiceProgram.main(
            ProviderApplication.name, operationsPort: ProviderApplication.operationsPort,
            compose: ProviderApplication.compose)
    }
}
