import Basics

/// One experiment: a fault, the orders that it must not spoil, and what counts as spoilt.
package struct ChaosScenario: Sendable, Equatable {
    /// Orders that arrive at a fixed rate, whatever becomes of them.
    package struct Load: Sendable, Equatable {
        package var rate = 5.0
        package var duration = Duration.seconds(20)
        package var mix = OrderMix()
        /// How long a customer goes on trying to place an order, always under the same key.
        package var patience = Duration.seconds(10)

        package init() {}
    }

    package struct Limits: Sendable, Equatable {
        /// From the last order's arrival until nothing is under way any more.
        package var quiescence = Duration.seconds(60)
        /// Orders that must have been placed or under way during the fault, for it to mean anything.
        package var ordersInFault = 20
        /// Of the good orders placed outside the fault, this share must be confirmed.
        package var confirmedPercent = 80

        package init() {}
    }

    package var name: String
    package var description: String
    /// What should hold, as a sentence: a run refutes it or does not.
    package var hypothesis: String
    package var fault: ChaosFault
    package var load = Load()
    package var limits = Limits()
    /// Where it makes sense at all.
    package var places: Set<PlaceKind>

    package init(
        name: String, description: String, hypothesis: String, fault: ChaosFault,
        places: Set<PlaceKind> = Set(PlaceKind.allCases)
    ) {
        self.name = name
        self.description = description
        self.hypothesis = hypothesis
        self.fault = fault
        self.places = places
    }

    /// Orders of one run.
    package var orders: Int { max(1, Int((load.rate * load.duration.inSeconds).rounded())) }
}

/// Seconds with one digit behind the point, as reports print them.
enum Seconds {
    static func text(_ duration: Duration) -> String { "\(digits(duration)) s" }

    static func digits(_ duration: Duration) -> String {
        let tenths = (duration.inMilliseconds + 50) / 100
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}
