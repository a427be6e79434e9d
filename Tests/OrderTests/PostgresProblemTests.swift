import Basics
import DurableService
import HTTP
import Postgres
import Support
import Testing

/// What a client sees when the database is away, on Order's routes.
@Suite struct PostgresProblemTests {
    @Test func `a database that is away is 503 on every route, and worth another try`() async throws
    {
        try await OrderBench.run { bench async throws in
            let customer = CustomerID.make()
            let placed = try await bench.order("key-1", as: customer)
            let path = try #require(placed.headers["location"])
            let name = bench.database.name
            try await bench.database.asSuperuser(
                """
                REVOKE CONNECT ON DATABASE \(name) FROM PUBLIC, order_app;
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = '\(name)' AND usename = 'order_app'
                """)
            for reply in [
                try await bench.ask(.get, path, as: customer),
                try await bench.ask(.get, path + "/events", as: customer),
                try await bench.order("key-1", as: customer),
            ] {
                #expect(reply.status == 503)
                #expect(reply.code == "database_unavailable")
                #expect(reply.headers["retry-after"] == "1")
            }
            #expect(bench.reported.all.isEmpty)
        }
    }

    @Test(arguments: [
        PostgresError(.connect("127.0.0.1:1"), ""), PostgresError(.connectionLost, ""),
        PostgresError(.commitUnknown, ""), PostgresError(.poolTimeout, ""),
        PostgresError(.poolOverloaded, ""), PostgresError(.timeout, ""),
        PostgresError(.sql(state: "40001"), ""), PostgresError(.sql(state: "40P01"), ""),
        PostgresError(.sql(state: "55P03"), ""), PostgresError(.sql(state: "57P01"), ""),
        PostgresError(.sql(state: "53300"), ""),
    ])
    func `what passes is 503`(error: PostgresError) {
        #expect(error.problem.status == 503)
        #expect(error.problem.code == "database_unavailable")
        #expect(error.problem.headers["retry-after"] == "1")
    }

    @Test(arguments: [
        PostgresError(.decoding, ""), PostgresError(.sql(state: "23505"), ""),
        PostgresError(.sql(state: "42P01"), ""), PostgresError(.invalidStatement, ""),
    ])
    func `a mistake of ours is 500, and is reported`(error: PostgresError) async throws {
        let reported = Reported()
        var router = Router()
        router.reportErrors { error, _ in reported.add("\(error)") }
        router.on(.get, "/") { _ in throw error }
        let response = await router.respond(to: try Request(.get, "/"))
        #expect(response.status == 500)
        #expect(reported.all.count == 1)
    }
}
