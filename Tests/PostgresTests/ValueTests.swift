import Basics
import Testing

@testable import Postgres

struct ArrayTextTests {
    @Test(arguments: [
        [], ["a"], ["a", "b"], [""], ["a,b", "{c}", "d\"e", "f\\g", " h ", "NULL", "ä€"],
    ])
    func `what is encoded is decoded to the same`(values: [String]) {
        #expect(ArrayText.decode(ArrayText.encode(values)) == values)
    }

    @Test func `the server's unquoted form is understood`() {
        #expect(ArrayText.decode("{a,\"b c\",3}") == ["a", "b c", "3"])
    }

    @Test(arguments: ["", "{", "a", "{a,}", "{NULL}", "{{a}}", "{\"a}", "{a", "{\"a\"b}", "{\\}"])
    func `anything else is no array`(text: String) {
        #expect(ArrayText.decode(text) == nil)
    }
}

struct StatementTests {
    @Test func `a NUL in text is refused, not cut off`() {
        for parameter in [Parameter.text("a\0b"), .texts(["\0"]), .json("\0")] {
            #expect(throws: PostgresError.self) {
                try Statement("SELECT $1", [parameter]).validate()
            }
        }
        #expect(throws: PostgresError.self) { try Statement("SELECT 1\0; DROP").validate() }
    }

    @Test func `more parameters than the protocol counts are refused`() {
        let many = Array(repeating: Parameter.null, count: 65_536)
        #expect(throws: PostgresError.self) { try Statement("SELECT 1", many).validate() }
    }

    @Test func `literals become parameters`() {
        let parameters: [Parameter] = ["a", 1, true, nil]
        #expect(parameters == [.text("a"), .integer(1), .boolean(true), .null])
    }
}

struct StatementCacheTests {
    @Test func `a text is prepared once, and known only after the server confirmed it`() {
        var cache = StatementCache()
        let statement = Statement("SELECT 1")
        var batch: [String: String] = [:]
        #expect(cache.plan(statement, planned: &batch) == .prepare(name: "s1"))
        #expect(cache.plan(statement, planned: &batch) == .known(name: "s1"))
        // The batch failed before: the next one prepares under another name.
        var next: [String: String] = [:]
        #expect(cache.plan(statement, planned: &next) == .prepare(name: "s2"))
        cache.prepared(sql: statement.sql, name: "s2")
        var last: [String: String] = [:]
        #expect(cache.plan(statement, planned: &last) == .known(name: "s2"))
    }

    @Test func `a full cache sends further texts unprepared`() {
        var cache = StatementCache()
        for number in 0..<StatementCache.countMax {
            cache.prepared(sql: "SELECT \(number)", name: "s")
        }
        var batch: [String: String] = [:]
        #expect(cache.plan(Statement("SELECT 'new'"), planned: &batch) == .unprepared)
        #expect(cache.plan(Statement("SELECT 7"), planned: &batch) == .known(name: "s"))
    }
}

struct ConnectionTargetTests {
    private func place(_ conninfo: String) throws(PostgresError) -> String {
        try ConnectionTarget(
            conninfo: Secret(conninfo), settings: .standard, applicationName: "test"
        ).place()
    }

    @Test func `the place names host, port, database and user, never the password`() throws {
        let uri = try place("postgresql://shop:hush@db.example:5433/orders")
        #expect(uri == "db.example:5433/orders as shop")
        let pairs = try place("host=10.0.0.1 dbname=orders user=shop password=hush")
        #expect(pairs == "10.0.0.1:5432/orders as shop")
    }

    @Test func `a malformed connection string is refused without being quoted`() throws {
        let error = #expect(throws: PostgresError.self) { try place("host=x hush hush") }
        let text = String(describing: try #require(error))
        #expect(!text.contains("hush"))
        #expect(text.contains("postgresql://"))
    }

    @Test func `settings travel as escaped start-up options`() {
        let settings = SessionSettings.standard.with(["application_name": "a b\\c"])
        #expect(settings.startupOptions.contains("-c application_name=a\\ b\\\\c"))
        #expect(settings.startupOptions.contains("-c idle_in_transaction_session_timeout=5s"))
    }
}
