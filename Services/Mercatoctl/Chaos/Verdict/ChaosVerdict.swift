/// What a run showed. Pure: the same record gives the same verdict.
package struct ChaosVerdict: Sendable {
    /// Good orders of one part of a run.
    package struct Availability: Sendable, Equatable {
        package var placed = 0
        package var confirmed = 0

        /// nil without orders.
        package var percent: Double? {
            placed == 0 ? nil : Double(confirmed) * 100 / Double(placed)
        }
    }

    package let record: ChaosRecord
    /// Orders placed during the fault, and those that were under way when it began.
    package let placedInFault: Int
    package let inFlightAtBegin: Int
    package let outside: Availability
    package let inside: Availability
    /// From the fault's end to the first good order that was confirmed after it.
    package let firstSuccess: Duration?
    /// The longest time from an order's arrival to the moment its customer saw its end.
    package let slowestOrder: Duration?
    /// Why it failed; empty when it passed.
    package let failures: [String]

    package var passed: Bool { failures.isEmpty }

    package init(_ record: ChaosRecord) {
        self.record = record
        let window = record.window
        let good = record.orders.filter { $0.intent == .good }
        func share(_ orders: [ChaosOrder]) -> Availability {
            Availability(placed: orders.count, confirmed: orders.count { $0.end == .confirmed })
        }
        func isInside(_ order: ChaosOrder) -> Bool { window?.contains(order.intended) ?? false }
        inside = share(good.filter(isInside))
        outside = share(good.filter { !isInside($0) })
        placedInFault = record.orders.count(where: isInside)
        inFlightAtBegin = window.map { window in
            record.orders.count {
                $0.intended < window.lowerBound && $0.isUnderWay(in: window)
            }
        } ?? 0
        firstSuccess = window.flatMap { window in
            good.filter { $0.end == .confirmed }.compactMap(\.decided)
                .filter { $0 >= window.upperBound }.min()
                .map { $0 - window.upperBound }
        }
        slowestOrder = record.orders.compactMap { order in
            order.decided.map { $0 - order.intended }
        }.max()
        failures = Self.failures(
            record, ordersInFault: placedInFault + inFlightAtBegin, outside: outside)
    }

    private static func failures(
        _ record: ChaosRecord, ordersInFault: Int, outside: Availability
    ) -> [String] {
        let limits = record.scenario.limits
        var failures = record.troubles
        if let window = record.window {
            if record.evidence.proof(within: window).isEmpty {
                failures.append("the fault was not observed")
            }
        } else {
            failures.append("there was no fault")
        }
        if ordersInFault < limits.ordersInFault {
            failures.append(
                "only \(ordersInFault) orders were placed or under way during the fault; "
                    + "\(limits.ordersInFault) are needed")
        }
        let needed = limits.confirmedPercent
        if outside.confirmed * 100 < needed * outside.placed || outside.placed == 0 {
            failures.append(
                "of \(outside.placed) good orders placed outside the fault only "
                    + "\(outside.confirmed) are confirmed; \(needed) % are needed")
        }
        failures += strangers(record.orders)
        guard let check = record.check else { return failures + ["nothing was checked"] }
        if !check.isClean {
            failures.append("check complains: " + check.complaints.joined(separator: "; "))
        }
        return failures
    }

    /// Orders whose end nobody can explain by a fault: these are mistakes of the checkout itself.
    private static func strangers(_ orders: [ChaosOrder]) -> [String] {
        orders.compactMap { order in
            let name = order.orderID ?? order.key
            if let contradiction = order.contradiction { return "order \(name): \(contradiction)" }
            if order.end == .confirmed, order.intent != .good {
                return "order \(name) is confirmed, although it is one of \(order.intent.rawValue)"
            }
            return nil
        }
    }

    /// Ends of the orders of one kind, the most frequent first.
    package func ends(of intent: OrderIntent) -> [(end: String, count: Int)] {
        var counts: [String: Int] = [:]
        for order in record.orders where order.intent == intent {
            counts[order.end.text, default: 0] += 1
        }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { (end: $0.key, count: $0.value) }
    }
}
