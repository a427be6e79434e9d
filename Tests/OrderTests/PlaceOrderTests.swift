import Basics
import Contracts
import HTTP
import Postgres
import Support
import Synchronization
import Testing

@testable import OrderService

/// `POST /v1/orders` on a real database, with Cart and Inventory on a real socket.
@Suite struct PlaceOrderTests {
    @Test func `an order is placed, and the same request gets the same bytes`() async throws {
        try await OrderBench.run { bench async throws in
            let customer = CustomerID.make()
            let placed = try await bench.order("key-1", as: customer)
            #expect(placed.status == 202)
            #expect(placed.json["total"]?["amount_minor"]?.integer == 2_400)
            #expect(placed.headers["location"] == placed.json["links"]?["self"]?.text)
            // The twin's order was confirmed meanwhile, and the cart emptied.
            bench.shop.change {
                $0.lines = []
                $0.questions = 0
            }
            let again = try await bench.order("key-1", as: customer)
            #expect(again.status == 202)
            #expect(again.bytes == placed.bytes)
            #expect(again.headers["idempotency-replayed"] == "true")
            let questions = bench.shop.shelf.withLock { $0.questions }
            #expect(questions == 0, "a replay asks nobody")
            #expect(try await bench.count("orders") == 1)
            #expect(bench.outcomes("new") == 1)
            #expect(bench.outcomes("replayed") == 1)
        }
    }

    @Test func `a key is for one request only, and for one customer`() async throws {
        try await OrderBench.run { bench async throws in
            let customer = CustomerID.make()
            #expect(try await bench.order("key-1", as: customer).status == 202)
            let other = try await bench.order("key-1", as: customer, version: 3)
            #expect(other.status == 422)
            #expect(other.code == "idempotency_key_reused")
            #expect(bench.outcomes("reused") == 1)
            bench.shop.change { $0.version = 4 }
            #expect(try await bench.order("key-1", as: .make()).status == 202)
        }
    }

    @Test func `the twin's answer is the truth when it emptied the cart meanwhile`() async throws {
        try await OrderBench.run { bench async throws in
            let customer = CustomerID.make()
            bench.shop.change { shelf in
                shelf.meanwhile = {
                    let twin = try await bench.order("key-1", as: customer)
                    #expect(twin.status == 202)
                    bench.shop.change { $0.lines = [] }
                }
            }
            let slow = try await bench.order("key-1", as: customer)
            #expect(slow.status == 202)
            #expect(slow.headers["idempotency-replayed"] == "true")
            #expect(try await bench.count("orders") == 1)
        }
    }

    @Test func `a version of a cart is ordered once, and the refusal says by which order`()
        async throws
    {
        try await OrderBench.run { bench async throws in
            let customer = CustomerID.make()
            let first = try await bench.order("key-1", as: customer)
            let second = try await bench.order("key-2", as: customer)
            #expect(second.status == 409)
            #expect(second.code == "cart_already_ordered")
            #expect(second.json["order"]?.text == first.headers["location"])
            #expect(second.json["order_status"]?.text == "PENDING")
            #expect(try await bench.count("idempotency_keys") == 1)
        }
    }

    @Test func `what cannot be ordered is refused, and nothing is written`() async throws {
        try await OrderBench.run { bench async throws in
            let customer = CustomerID.make()
            let stale = try await bench.order("key-1", as: customer, version: 2)
            #expect(stale.status == 409)
            #expect(stale.code == "cart_version_stale")
            bench.shop.change { $0.lines = [("GONE-9", 1)] }
            let unknown = try await bench.order("key-1", as: customer)
            #expect(unknown.status == 422)
            #expect(unknown.code == "unknown_sku")
            bench.shop.change { $0.lines = [] }
            let empty = try await bench.order("key-1", as: customer)
            #expect(empty.status == 422)
            #expect(empty.code == "cart_empty")
            for table in ["orders", "idempotency_keys", "outbox", "saga_instances"] {
                #expect(try await bench.count(table) == 0)
            }
        }
    }

    /// Writes the key's row as a twin does, calls `during` before its end, then commits.
    private func twin(
        _ bench: OrderBench, _ customer: CustomerID,
        _ during: @Sendable () async throws -> Void
    ) async throws {
        // The hash is that of another body: the waiting request will be told so.
        let row = StoredAnswer(
            requestHash: "other", orderID: .make(), status: 202, body: [0x7b, 0x7d])
        try await bench.pool.transaction { transaction in
            _ = try await transaction.execute(
                row.insert(IdempotencyKey(text: "key-1"), of: customer))
            try await during()
        }
    }

    @Test func `a twin that does not come to an end is not waited for`() async throws {
        try await OrderBench.run { bench async throws in
            let customer = CustomerID.make()
            try await twin(bench, customer) {
                let waiting = try await bench.order("key-1", as: customer)
                #expect(waiting.status == 409)
                #expect(waiting.code == "idempotency_in_progress")
                #expect(waiting.headers["retry-after"] == "1")
            }
            #expect(bench.outcomes("in_progress") == 1)
            #expect(try await bench.count("orders") == 0)
        }
    }

    @Test func `another key's open order of the same cart version is not waited for either`()
        async throws
    {
        try await OrderBench.run { bench async throws in
            let sku = try #require(SKU("LAMP-1"))
            let price = Money(minor: 1_200, currency: .eur)
            let open = try Order.place(
                id: .make(), customerID: .make(), cartID: bench.shop.cartID, cartVersion: 3,
                lines: [OrderLine(sku: sku, quantity: 2, unitPrice: price, name: "Lamp")],
                cardToken: "tok_ok")
            try await bench.pool.transaction { transaction in
                _ = try await transaction.pipeline(
                    OrderStore.insert(open, clientRequestID: "key-2", linesHash: "hash"))
                let waiting = try await bench.order("key-1", as: open.customerID)
                #expect(waiting.status == 409)
                #expect(waiting.code == "idempotency_in_progress")
                #expect(waiting.headers["retry-after"] == "1")
            }
            #expect(try await bench.count("idempotency_keys") == 0)
        }
    }

    @Test func `a twin that commits in time is answered for`() async throws {
        var options = OrderBench.Options()
        options.twinWait = .seconds(30)
        try await OrderBench.run(options) { bench async throws in
            let customer = CustomerID.make()
            try await withThrowingTaskGroup(of: OrderBench.Reply.self) { group in
                let held = Reported()
                group.addTask {
                    try await eventually("the twin holds the key") { !held.all.isEmpty }
                    return try await bench.order("key-1", as: customer)
                }
                try await twin(bench, customer) {
                    held.add("held")
                    try await eventually("the request waits for the twin") {
                        try await bench.database.asSuperuser(
                            """
                            SELECT 'waits: ' || count(*) FROM pg_stat_activity
                            WHERE datname = current_database() AND wait_event_type = 'Lock'
                            """
                        ).contains("waits: 1")
                    }
                }
                let reply = try #require(try await group.next())
                #expect(reply.code == "idempotency_key_reused")
            }
        }
    }

    @Test func `without Cart nothing is promised`() async throws {
        var options = OrderBench.Options()
        options.cartURL = "http://127.0.0.1:1"
        try await OrderBench.run(options) { bench async throws in
            let reply = try await bench.order("key-1", as: .make())
            #expect(reply.status == 503)
            #expect(reply.code == "upstream_unavailable")
            #expect(try await bench.count("idempotency_keys") == 0)
        }
    }
}
