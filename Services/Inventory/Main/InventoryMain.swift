import InventoryService
import ServiceKit

@main
enum InventoryMain {
    static func main() async {
        await ServiceProgram.main(
            "inventory", operationsPort: InventoryConfiguration.operationsPortSetting
        ) { try InventoryApplication.compose($0) }
    }
}
