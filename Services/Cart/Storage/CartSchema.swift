package import Postgres

/// The service's own migrations, embedded in the program; they run after Messaging's.
package enum CartSchema {
    package static var migrations: [Migration] {
        [Migration(name: "m0101_create_carts", bytes: PackageResources.m0101_create_carts_sql)]
    }
}
