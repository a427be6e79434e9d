import Basics
import Testing

@testable import Mercatoctl

@Suite struct CheckReportTests {
    private func broken(_ order: UniqueID) -> CheckReport {
        var state = GoodBooks.state
        state.orders[order]?.total = 1
        return CheckReport(state)
    }

    @Test func `a clean report says ok for each invariant and counts the orders`() {
        let lines = CheckReport(GoodBooks.state).lines
        #expect(lines[0].hasPrefix("3 orders: 1 confirmed, 2 cancelled"))
        #expect(lines[1] == "dead letters: none")
        #expect(lines.dropFirst(2).allSatisfy { $0.hasPrefix("ok  ") })
    }

    @Test func `dead letters are counted by service and class, and are no fault by themselves`() {
        var state = GoodBooks.state
        state.deadLetters = [
            "payment": ["exhausted": 1], "inventory": ["undecodable": 2, "exhausted": 1],
        ]
        let report = CheckReport(state)
        #expect(report.isClean)
        #expect(
            report.lines[1]
                == "dead letters: inventory 1 exhausted, inventory 2 undecodable, "
                + "payment 1 exhausted")
    }

    @Test func `an order without a saga counts as an order, not as an ended one`() {
        var state = GoodBooks.state
        state.sagas.removeAll { $0.order == GoodBooks.confirmed }
        #expect(CheckReport(state).lines[0].hasPrefix("3 orders: 0 confirmed, 2 cancelled"))
    }

    @Test func `a finding is shown with the id at fault under its invariant`() {
        let lines = broken(GoodBooks.confirmed).lines
        #expect(lines.contains { $0.hasPrefix("FAIL  1  ") })
        #expect(lines.contains { $0.contains("\(GoodBooks.confirmed): captured 2400 EUR") })
    }

    @Test func `only what two looks saw is believed`() {
        let now = broken(GoodBooks.confirmed)
        #expect(now.confirmed(by: CheckReport(GoodBooks.state)).isClean)
        #expect(!now.confirmed(by: now).isClean)
    }

    @Test func `long lists are cut and counted`() {
        var state = GoodBooks.state
        for number in 0..<30 {
            state.keys.append(
                .init(
                    principal: GoodBooks.customer, key: "lost-\(number)", order: GoodBooks.stranger))
        }
        let lines = CheckReport(state).lines
        #expect(lines.contains("         and 10 more"))
    }
}
