import Basics
import Foundation
import Sockets

/// Places one order as a fresh customer and shows its timeline while it grows.
struct DemoWalk: Sendable {
    let scenario: DemoScenario
    let url: String
    let calls: any HTTPCalls
    let loop: EventLoop
    let terminal: Terminal
    /// Where its trace can be looked at.
    var jaegerURL: String?

    /// An order that has not ended by then is a failure of the walk.
    static let limit = Duration.seconds(60)

    func run() async throws -> (text: String, asExpected: Bool) {
        let shop = ShopAPI(url: url, customer: .v7(), calls: calls)
        let before = try await shop.availability(of: scenario.sku)
        let cart = try await shop.openCart()
        try await shop.put(scenario.sku, quantity: scenario.quantity, in: cart)
        let placed = ContinuousClock.now
        let order = try await shop.order(
            cart: cart, cardToken: scenario.cardToken, key: UniqueID.v7().description)
        let accepted = (ContinuousClock.now - placed).inMilliseconds
        terminal.line("   order \(order)")
        terminal.line(
            "   \(scenario.quantity) × \(scenario.sku) with \(scenario.cardToken); "
                + "\(before) available; accepted (202) after \(accepted) ms")
        let events = try await follow(order, shop)
        let view = try await shop.view(order)
        var outcome = scenario.judge(status: view.status, reason: view.reason, events: events)
        outcome.text += ", total \(view.total)"
        if let jaegerURL, let traceID = view.traceID {
            terminal.line("   trace \(Commands.page(jaegerURL, traceID))")
            terminal.line("      or \(CommandNames.own) trace \(order)")
        }
        if scenario.status == "CANCELLED", outcome.asExpected {
            let after = try await settledAvailability(shop, expected: before)
            outcome.text += "; \(after) available"
                + (after == before ? ", as before" : " (others buy, too)")
        }
        return outcome
    }

    /// Prints each event with its time since the order, until the order has ended.
    ///
    /// - Returns: the events' types.
    private func follow(_ order: String, _ shop: ShopAPI) async throws -> [String] {
        let deadline = Deadline.after(Self.limit)
        var timeline = Timeline()
        while !timeline.hasEnded {
            guard !deadline.isPast else {
                throw CommandFailure(
                    .failed, "the order \(order) has not ended after \(Self.limit); "
                        + "look at: \(CommandNames.own) order show \(order)")
            }
            do {
                try await shop.events(order, after: timeline.lastID, limit: deadline) { event in
                    if let line = try timeline.add(event) { terminal.line("   \(line)") }
                    return !timeline.hasEnded
                }
            } catch let failure as CommandFailure where !Task.isCancelled && !timeline.hasEnded {
                terminal.line("   (\(failure.message); reading on)")
            }
            if !timeline.hasEnded { try await loop.sleep(for: .milliseconds(200)) }
        }
        return timeline.types
    }

    /// The catalogue is cached for up to 2 s, so the stock that came back may show a little later.
    private func settledAvailability(_ shop: ShopAPI, expected: Int64) async throws -> Int64 {
        let end = ContinuousClock.now + .seconds(5)
        var seen = try await shop.availability(of: scenario.sku)
        while seen != expected, ContinuousClock.now < end {
            try await loop.sleep(for: .milliseconds(250))
            seen = try await shop.availability(of: scenario.sku)
        }
        return seen
    }
}
