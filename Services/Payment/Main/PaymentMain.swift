import PaymentService
import ServiceKit

@main
enum PaymentMain {
    static func main() async {
        await ServiceProgram.main(PaymentApplication.name, compose: PaymentApplication.compose)
    }
}
