import CartService
import ServiceKit

@main
enum CartMain {
    static func main() async {
        await ServiceProgram.main("cart", operationsPort: CartConfiguration.operationsPortSetting) { try CartApplication.compose($0) }
    }
}
