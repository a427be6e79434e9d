import InventoryService
import ServiceKit

@main
enum InventoryMain {
    static func main() async {
        await ServiceProgram.main("inventory") { try InventoryApplication.compose($0) }
    }
}
