package import Postgres

/// The service's own migrations, embedded in the program; they run after Messaging's.
package enum InventorySchema {
    package static var migrations: [Migration] {
        [
            Migration(
                name: "m0101_create_inventory", bytes: PackageResources.m0101_create_inventory_sql),
            Migration(
                name: "m0102_reservation_trace",
                bytes: PackageResources.m0102_reservation_trace_sql),
        ]
    }
}
