import Basics
import Testing

@testable import Mercatoctl

@Suite struct ChaosVerdictTests {
    private static let scenario = ChaosScenario(
        name: "kill-payment", description: "d", hypothesis: "h", fault: ChaosFault(.kill, .payment))

    /// A run as it should be: 100 orders, four fifths of them good, the fault seen at 5.2 s.
    private func record(
        _ change: (inout ChaosRecord) -> Void = { _ in }
    ) -> ChaosRecord {
        var record = ChaosRecord(
            scenario: Self.scenario, place: .native, seed: 7, began: WallTime(microseconds: 0))
        for index in 0..<100 {
            let intent: OrderIntent = index % 10 == 8 ? .declined : index % 10 == 9 ? .noStock : .good
            let intended = Duration.milliseconds(200 * index)
            let isInside = (24..<75).contains(index)
            var order = ChaosOrder(
                intent: intent, intended: intended, customer: .v7(), key: "k\(index)",
                left: isInside ? .seconds(16) : intended + .milliseconds(100))
            order.accepted = intended + .milliseconds(50)
            order.decided = order.left
            order.end = switch intent {
            case .good: .confirmed
            case .declined: .cancelled(reason: "payment_declined")
            case .noStock: .cancelled(reason: "no_stock")
            }
            record.orders.append(order)
        }
        record.faultBegan = .seconds(5)
        record.faultEnded = .milliseconds(14_990)
        record.restored = .milliseconds(15_800)
        record.quiet = .seconds(22)
        record.evidence.see([Sighting("/proc", "4711 runs")], at: .seconds(1))
        record.evidence.see([Sighting("/proc", "4711 is gone", provesFault: true)], at: .milliseconds(5_200))
        record.check = .init(isClean: true, complaints: [])
        change(&record)
        return record
    }

    @Test func `a run as it should be passes, with its figures`() {
        let verdict = ChaosVerdict(record())
        #expect(verdict.failures == [])
        #expect(verdict.placedInFault == 50)
        #expect(verdict.inFlightAtBegin == 1)
        #expect(verdict.outside == .init(placed: 40, confirmed: 40))
        #expect(verdict.inside == .init(placed: 40, confirmed: 40))
        #expect(verdict.firstSuccess == .milliseconds(110))
        #expect(verdict.slowestOrder == .milliseconds(11_200))
        #expect(verdict.ends(of: .declined).map(\.end) == ["cancelled (payment_declined)"])
    }

    @Test func `a fault that nobody saw fails, and so does one that was seen too late`() {
        let unseen = ChaosVerdict(record { $0.evidence = Evidence() })
        #expect(unseen.failures == ["the fault was not observed"])
        let late = ChaosVerdict(
            record { record in
                record.evidence = Evidence()
                record.evidence.see([Sighting("/proc", "gone", provesFault: true)], at: .seconds(16))
            })
        #expect(late.failures == ["the fault was not observed"])
        let none = ChaosVerdict(
            record { record in
                record.faultBegan = nil
                record.faultEnded = nil
            })
        #expect(none.failures.contains("there was no fault"))
    }

    @Test func `a state of before the fault proves nothing`() {
        let verdict = ChaosVerdict(
            record { record in
                record.evidence = Evidence()
                for second in 0..<20 {
                    record.evidence.see(
                        [Sighting("port", "does not answer", provesFault: true)], at: .seconds(second))
                }
            })
        #expect(verdict.failures == ["the fault was not observed"])
    }

    @Test func `with too few orders in the fault a run means nothing`() {
        let fewer = ChaosVerdict(
            record { $0.orders = $0.orders.filter { $0.intended < .seconds(5) || $0.intended > .seconds(12) } })
        #expect(fewer.failures.first?.hasPrefix("only 15 orders were placed or under way") == true)
    }

    @Test func `79 percent of the good orders outside are too few, 80 are enough`() {
        func verdict(lost: Int) -> ChaosVerdict {
            ChaosVerdict(
                record { record in
                    var left = lost
                    for index in record.orders.indices
                    where record.orders[index].intent == .good && left > 0
                        && !(.seconds(5)...Duration.seconds(15)).contains(record.orders[index].intended)
                    {
                        record.orders[index].end = .neverPlaced
                        left -= 1
                    }
                })
        }
        #expect(verdict(lost: 8).passed)
        #expect(
            verdict(lost: 9).failures == [
                "of 40 good orders placed outside the fault only 31 are confirmed; 80 % are needed"
            ])
    }

    @Test func `orders lost inside the fault do not fail a run`() {
        let verdict = ChaosVerdict(
            record { record in
                for index in 25..<75 { record.orders[index].end = .neverPlaced }
            })
        #expect(verdict.passed)
        #expect(verdict.inside.confirmed == 0)
    }

    @Test func `a check that complains fails with its complaints, and so does none`() {
        let broken = ChaosVerdict(
            record { $0.check = .init(isClean: false, complaints: ["1 one capture: o1: two"]) })
        #expect(broken.failures == ["check complains: 1 one capture: o1: two"])
        #expect(ChaosVerdict(record { $0.check = nil }).failures == ["nothing was checked"])
    }

    @Test func `an order that must not be confirmed, and one that two tell differently`() {
        let verdict = ChaosVerdict(
            record { record in
                record.orders[8].end = .confirmed
                record.orders[0].contradiction = "the books lack it"
            })
        #expect(
            verdict.failures == [
                "order k0: the books lack it",
                "order k8 is confirmed, although it is one of declined",
            ])
    }

    @Test func `whatever went wrong with the run itself fails it`() {
        let verdict = ChaosVerdict(record { $0.troubles = ["payment could not be brought back"] })
        #expect(verdict.failures == ["payment could not be brought back"])
    }

    @Test func `the books have the last word about an order whose customer lost patience`() {
        let (customer, id) = (UniqueID.v7(), UniqueID.v7())
        var order = ChaosOrder(
            intent: .good, intended: .zero, customer: customer, key: "k", left: .seconds(10))
        func books(_ state: String?) -> AuditState.KeyedOrders {
            var audit = AuditState()
            if let state {
                audit.keys = [.init(principal: customer, key: "k", order: id)]
                audit.sagas = [
                    .init(order: id, type: "checkout", state: state, version: 1, parkedReason: nil)
                ]
            }
            return AuditState.KeyedOrders(audit)
        }
        #expect(order.settled(by: books(nil)).end == .neverPlaced)
        #expect(order.settled(by: books("CONFIRMED")).end == .confirmed)
        #expect(order.settled(by: books("CONFIRMED")).orderID == id.description)
        #expect(order.settled(by: books("AUTHORIZING")).end == .open)
        order.end = .confirmed
        #expect(order.settled(by: books("CONFIRMED")).contradiction == nil)
        #expect(order.settled(by: books("CANCELLED")).contradiction?.contains("CANCELLED") == true)
        order.accepted = .seconds(1)
        #expect(order.settled(by: books(nil)).contradiction?.contains("lack it") == true)
        order.end = .cancelled(reason: "no_stock")
        #expect(order.settled(by: books("CANCELLED")).end == .cancelled(reason: "no_stock"))
        #expect(order.settled(by: books("CONFIRMED")).contradiction?.contains("CONFIRMED") == true)
    }

    @Test func `the page says what was done, what proves it, and what came of it`() {
        let page = ChaosPage(ChaosVerdict(record { $0.injected = "SIGKILL to process 4711" })).lines
        let text = page.joined(separator: "\n")
        #expect(page.first == "kill-payment on native: PASSED")
        #expect(text.contains("kill payment, 5.0–15.0 s: SIGKILL to process 4711"))
        #expect(text.contains("5.2 s   * /proc: 4711 is gone"))
        #expect(text.contains("40 of 40 good orders confirmed (100 %)"))
        #expect(text.contains("target back 0.8 s after the fault's end"))
        #expect(text.contains("all invariants hold"))
        let failed = ChaosPage(ChaosVerdict(record { $0.evidence = Evidence() })).lines
        #expect(failed.first == "kill-payment on native: FAILED")
        #expect(failed[1] == "  !! the fault was not observed")
    }

    @Test func `the table and the JSON have passed, failed and skipped`() throws {
        let results: [ChaosResult] = [
            .judged(ChaosVerdict(record())), .judged(ChaosVerdict(record { $0.check = nil })),
            .skipped(Self.scenario, .native, reason: "not here"),
        ]
        let table = ChaosTable(results)
        #expect(table.summary == "1 passed, 1 failed, 1 skipped")
        #expect(results.map(\.hasFailed) == [false, true, false])
        #expect(table.lines.count == 4)
        #expect(table.lines[3].hasSuffix("skipped  not here"))
        #expect(table.markdown.count == 5)
        let json = try JSONObject(Array(ChaosDocument(results[0]).json.utf8), what: "it")
        #expect(json.optionalText("verdict") == "passed")
        #expect(try json.objects("orders").count == 100)
        #expect(try json.objects("evidence").count == 2)
        let skipped = try JSONObject(Array(ChaosDocument(results[2]).json.utf8), what: "it")
        #expect(skipped.optionalText("reason") == "not here")
    }
}
