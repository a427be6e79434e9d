import PaymentService
import ServiceKit

@main
enum PaymentMain {
    static func main() async {
        await ServiceProgram.main(
            PaymentApplication.name, operationsPort: PaymentApplication.operationsPort,
            compose: PaymentApplication.compose)
    }
}
