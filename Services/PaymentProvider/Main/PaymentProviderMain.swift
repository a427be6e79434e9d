import PaymentProviderService
import ServiceKit

@main
enum PaymentProviderMain {
    static func main() async {
        await ServiceProgram.main(ProviderApplication.name, compose: ProviderApplication.compose)
    }
}
