import Basics
import Configuration
import Postgres
import Testing

@testable import DurableService

@Suite struct DatabaseAddressTests {
    @Test func `a password of its own joins a keyword address, quoted`() {
        #expect(
            DatabaseAddress.joined("host=db dbname=cart user=cart_app", password: #"it's a \ day"#)
                == #"host=db dbname=cart user=cart_app password='it\'s a \\ day'"#)
    }

    @Test(arguments: [
        ("postgresql://cart_app@db/cart", "postgresql://cart_app@db/cart?password=p%26%20%C3%A4"),
        ("postgres://db/cart?user=me", "postgres://db/cart?user=me&password=p%26%20%C3%A4"),
    ])
    func `a password of its own joins a URI, percent-encoded`(address: String, joined: String) {
        #expect(DatabaseAddress.joined(address, password: "p& ä") == joined)
    }

    @Test func `without one the address stays as it is, and both come from the environment`() throws {
        var values = [
            "MERCATO_DATABASE_URL": "host=db user=cart_app",
            "MERCATO_DATABASE_OWNER_URL": "host=db user=cart_owner password=inside",
        ]
        var settings = try DurableSettings.read(EnvironmentReader(values), service: "cart")
        #expect(settings.pool.conninfo.reveal() == "host=db user=cart_app")
        values["MERCATO_DATABASE_PASSWORD"] = "one"
        values["MERCATO_DATABASE_OWNER_PASSWORD"] = "two"
        let reader = EnvironmentReader(values)
        settings = try DurableSettings.read(reader, service: "cart")
        #expect(settings.pool.conninfo.reveal() == "host=db user=cart_app password='one'")
        #expect(settings.owner.reveal() == "host=db user=cart_owner password=inside password='two'")
        let shown = reader.summary.filter { $0.key.contains("PASSWORD") }.map(\.shown)
        #expect(shown.count == 2 && shown.allSatisfy { !$0.contains("one") && !$0.contains("two") })
    }
}
