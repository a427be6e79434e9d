import Basics
import Foundation
import Support
import Testing

@testable import Mercatoctl

@Suite struct LoadReportTests {
    private func buy(_ end: BuyEnd, card: String = "tok_ok", quantity: Int = 1) -> BuyRecord {
        var record = BuyRecord(
            purchase: Purchase(sku: "MUG-BLUE", quantity: quantity, cardToken: card),
            customer: .v7(), key: "k", intended: .now)
        record.calls = [
            CallRecord(kind: .orderPlace, status: 202, failure: nil, latency: .milliseconds(20))
        ]
        record.end = end
        switch end {
        case .confirmed, .cancelled, .unfinished: record.accepted = .milliseconds(20)
        default: break
        }
        if end == .confirmed { record.ended = .milliseconds(80) }
        return record
    }

    private func report(
        _ profile: LoadProfile, _ buys: [BuyRecord], notSent: Int = 0,
        stock: LoadReport.Stock? = nil, bounds: [String: Double] = [:]
    ) -> LoadReport {
        let recorder = LoadRecorder()
        for buy in buys { recorder.add(buy) }
        var plan = LoadPlan()
        plan.profile = profile
        plan.duration = .seconds(10)
        plan.bounds = bounds
        var tally = OpenLoop.Tally()
        tally.planned = buys.count + notSent
        tally.started = buys.count
        tally.notSent = notSent
        return LoadReport(
            LoadReport.Material(
                plan: plan, target: "http://127.0.0.1:8080",
                startedAt: WallTime(microseconds: 0), began: .now, tally: tally,
                sums: recorder.sums, stock: stock))
    }

    private func failing(_ report: LoadReport) -> [String] {
        report.thresholds.filter { !$0.passed }.map(\.name)
    }

    @Test func `a run in which every good order is confirmed passes`() {
        let report = report(
            .checkout,
            Array(repeating: buy(.confirmed), count: 9)
                + [buy(.cancelled(reason: "payment_declined"), card: "tok_declined")])
        #expect(failing(report) == [])
        #expect(report.passed)
        #expect(report.orders?.cancelled == ["payment_declined": 1])
        #expect(report.orders?.confirmed_per_second == 0.9)
        #expect(report.requests.map(\.kind) == ["order_place"])
        #expect(report.requests[0].answers == ["202": 10])
    }

    @Test func `a good order that is not confirmed fails the run`() {
        let report = report(
            .checkout, [buy(.confirmed), buy(.cancelled(reason: "no_stock"))])
        #expect(failing(report) == ["good_confirmed_share"])
    }

    @Test func `what was not sent fails the run`() {
        #expect(failing(report(.checkout, [buy(.confirmed)], notSent: 1)) == ["not_sent"])
    }

    @Test(arguments: [BuyEnd.unfinished, .unknown])
    func `an order of which the end is not known fails the run`(end: BuyEnd) {
        let report = report(.checkout, Array(repeating: buy(.confirmed), count: 200) + [buy(end)])
        #expect(failing(report) == ["unfinished_orders"])
    }

    @Test func `a figure without data is no pass`() {
        let report = report(.checkout, [])
        #expect(failing(report).contains("confirmed_p99_ms"))
        #expect(report.thresholds.first { $0.name == "confirmed_p99_ms" }?.value == nil)
    }

    @Test func `a bound of the caller replaces the profile's`() {
        let report = report(.checkout, [buy(.confirmed)], bounds: ["confirmed_p99_ms": 50])
        #expect(failing(report) == ["confirmed_p99_ms"])
    }

    @Test(arguments: [
        (10, 10, 0, []), (10, 11, 0, ["oversold_pieces", "stock_difference"]),
        (10, 8, 2, ["unsold_pieces"]), (10, 10, 3, ["stock_difference"]),
    ])
    func `a flash sale sells what there is, no more and no less`(
        before: Int64, sold: Int64, after: Int64, expected: [String]
    ) {
        let confirmed = Array(repeating: buy(.confirmed), count: Int(sold))
        let lost = Array(repeating: buy(.cancelled(reason: "no_stock")), count: 20)
        let stock = LoadReport.Stock(sku: "FLASH-SALE", before: before, sold: sold, after: after)
        let report = report(.flash, confirmed + lost, stock: stock)
        #expect(failing(report) == expected)
    }

    @Test func `the JSON has the schema's members, and is read back as it was`() throws {
        let report = report(.checkout, [buy(.confirmed)])
        let bytes = try report.json()
        #expect(try JSONDecoder().decode(LoadReport.self, from: Data(bytes)) == report)
        let object = try JSONObject(bytes, what: "the report")
        #expect(
            object.names == [
                "arrivals", "duration_seconds", "generator", "orders", "passed", "profile",
                "rate_per_second", "requests", "schema", "seed", "started_at", "target",
                "thresholds",
            ])
    }

    @Test func `the table names every threshold with value, bound and verdict`() {
        let lines = LoadTable.lines(report(.checkout, [buy(.confirmed), buy(.unknown)]))
        #expect(lines.contains { $0.hasPrefix("order_place") && $0.hasSuffix("202: 2") })
        #expect(lines.contains("confirmed_p99_ms                  80     <= 5000  pass"))
        #expect(lines.contains("unfinished_orders                  1        <= 0  FAIL"))
        #expect(lines.last == "FAILED")
    }

    @Test func `numbers are short`() {
        #expect(LoadTable.number(1_000) == "1000")
        #expect(LoadTable.number(0.12345) == "0.123")
        #expect(LoadTable.number(19.5) == "19.5")
        #expect(LoadTable.number(0) == "0")
        // Halves go up in both generators' pages.
        #expect(LoadTable.number(0.0625) == "0.063")
        #expect(LoadTable.milliseconds(33.25) == "33.3")
        #expect(LoadTable.milliseconds(nil) == "-")
    }
}

@Suite struct LoadPlanTests {
    private func plan(_ words: String) throws -> LoadPlan {
        let list = ["load"] + words.split(separator: " ").map(String.init)
        guard case .load(let plan) = try Arguments.parse(list).request else {
            throw CommandFailure(.usage, "no load")
        }
        return plan
    }

    @Test func `the command line becomes a plan`() throws {
        let plan = try plan(
            "--profile flash --rate 12.5 --duration 2m --seed 9 --stock 30 --json out.json "
                + "--max-in-flight 64 --bound accepted_p99_ms=300 --no-top-up --allow-remote")
        #expect(plan.profile == .flash && plan.rate == 12.5 && plan.duration == .seconds(120))
        #expect(plan.seed == 9 && plan.flashStock == 30 && plan.jsonFile == "out.json")
        #expect(plan.maxInFlight == 64 && plan.bounds == ["accepted_p99_ms": 300])
        #expect(!plan.topsUp && plan.allowsRemote)
        #expect(try self.plan("--duration 500ms").duration == .milliseconds(500))
    }

    @Test(arguments: [
        "--profile buy", "--rate 0", "--rate nan", "--rate fast", "--duration 2", "--duration 2h",
        "--duration -1s", "--duration s", "--seed -1", "--seed 1.5", "--max-in-flight 0",
        "--stock 5", "--bound p99=1", "--bound not_sent", "--bound not_sent=-1", "--wait 3",
    ])
    func `a mistake is named`(words: String) {
        #expect(throws: UsageError.self) { try plan(words) }
    }

    @Test(arguments: [
        "http://127.0.0.1:8080", "http://localhost:8080", "http://127.9.9.9", "http://[::1]:8080",
    ])
    func `this machine may be loaded`(url: String) throws {
        try LoadPlan().checkTarget(url)
    }

    @Test(arguments: [
        "http://shop.example:8080", "http://127.0.0.1.example", "http://127.evil.example",
        "http://gateway:8080", "http://0.0.0.0:8080", "http://localhost@shop.example/", "nonsense",
    ])
    func `another machine needs --allow-remote`(url: String) throws {
        #expect(throws: CommandFailure.self) { try LoadPlan().checkTarget(url) }
        var plan = LoadPlan()
        plan.allowsRemote = true
        try plan.checkTarget(url)
    }

    @Test func `the same seed chooses the same, another seed something else`() {
        func choices(_ seed: UInt64) -> [Purchase] {
            (0..<200).map { LoadChoices(.checkout, seed: seed).purchase($0) }
        }
        #expect(choices(3) == choices(3))
        #expect(choices(3) != choices(4))
        let declined = choices(3).count { !$0.isGood }
        #expect((5...45).contains(declined), "\(declined) of 200 cards are declined")
        #expect(Set(choices(3).map(\.sku)) == Set(LoadChoices.skus))
        #expect(LoadChoices(.flash, seed: 1).purchase(7) == Purchase(sku: "FLASH-SALE"))
    }
}

@Suite struct LoadRunTests {
    private func run(
        _ profile: LoadProfile, _ answers: @escaping @Sendable (ShopCall, Int) async -> ShopAnswer
    ) async throws -> (report: LoadReport, shop: FakeShop, calls: [ShopCall]) {
        var plan = LoadPlan()
        plan.profile = profile
        plan.rate = 50
        plan.duration = .milliseconds(400)
        let (chosen, shop) = (plan, FakeShop())
        return try await TestLoop.run { loop in
            let gateway = FakeGateway(answers)
            let run = LoadRun(
                chosen, target: "http://127.0.0.1:1", transport: gateway,
                admin: AdminAPI(url: "http://127.0.0.1:2", calls: shop), loop: loop, say: { _ in })
            return (try await run.run(), shop, gateway.seen)
        }
    }

    @Test func `shelves are filled before the customers come`() async throws {
        let (report, shop, _) = try await run(.checkout) { call, earlier in
            call.path.hasPrefix("/v1/products/")
                ? FakeGateway.answer(200, #"{"available":\#(earlier == 0 ? 0 : 94)}"#)
                : FakeGateway.goodAnswer(call)
        }
        let receipts = shop.seen.filter { $0.path == "/admin/inventory/receipts" }
        #expect(receipts.count == LoadChoices.skus.count)
        #expect(report.arrivals.sent == 20)
        #expect(report.orders?.confirmed == 20)
    }

    @Test func `looking sends a catalogue and a product for each arrival`() async throws {
        let (report, _, calls) = try await run(.browse) { call, _ in
            call.path == "/v1/products" ? FakeGateway.answer(503) : FakeGateway.answer(200)
        }
        #expect(report.requests.map(\.kind) == ["catalogue", "product"])
        #expect(report.requests.map(\.count) == [20, 20])
        #expect(report.requests[0].failed == 20)
        #expect(report.orders == nil && !report.passed)
        #expect(Set(calls.compactMap { $0.headers["Authorization"] }).count == 20)
    }

    @Test func `a product that nobody knows ends the run before it begins`() async throws {
        await #expect(throws: CommandFailure.self) {
            _ = try await run(.checkout) { _, _ in FakeGateway.answer(404) }
        }
    }

    @Test func `a flash sale takes its product off the shelf again`() async throws {
        let (report, shop, _) = try await run(.flash) { call, _ in
            switch call.path {
            case "/v1/products/FLASH-SALE": FakeGateway.answer(200, #"{"available":5}"#)
            case "/v1/orders/o1/events": FakeGateway.events("OrderPlaced", "OrderCancelled")
            default: FakeGateway.goodAnswer(call)
            }
        }
        let puts = shop.seen.filter { $0.path == "/admin/inventory/products/FLASH-SALE" }
        #expect(puts.map { $0.body.contains(#""active":true"#) } == [true, false])
        #expect(report.stock == LoadReport.Stock(sku: "FLASH-SALE", before: 5, sold: 0, after: 5))
        // Nobody got anything although there were five.
        #expect(report.thresholds.first { $0.name == "unsold_pieces" }?.value == 5)
    }
}
