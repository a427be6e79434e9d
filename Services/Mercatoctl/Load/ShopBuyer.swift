import Basics
package import Sockets

/// One customer who buys one thing: cart, line, order, then its events to the final state.
package struct ShopBuyer: Sendable {
    /// How long a customer waits, and how often they try.
    package struct Patience: Sendable {
        /// For the answer to one request.
        package var request = Duration.seconds(10)
        /// From the 202 to the final state.
        package var follow = Duration.seconds(30)
        /// Attempts of each step; a repeated order carries the same Idempotency-Key. One: every
        /// failure is seen as it is.
        package var tries = 1
        /// No step is tried again when so much time has passed since the intended instant; nil: the
        /// tries alone count.
        package var total: Duration?
        /// Between two attempts, and between two looks at an order whose stream broke off.
        package var pause = Duration.milliseconds(500)

        package init() {}
    }

    private let transport: any ShopTransport
    private let loop: EventLoop
    private let patience: Patience

    package init(transport: any ShopTransport, loop: EventLoop, patience: Patience = Patience()) {
        self.transport = transport
        self.loop = loop
        self.patience = patience
    }

    /// Buys as a customer whom nobody has seen before. Never throws: what failed is in the record.
    package func buy(_ purchase: Purchase, intended: ContinuousClock.Instant) async -> BuyRecord {
        let customer = UniqueID.v7()
        var attempt = Attempt(
            record: BuyRecord(
                purchase: purchase, customer: customer, key: "load-\(customer)",
                intended: intended), due: intended)
        guard let cart = await openCart(&attempt), await fill(cart, &attempt),
            await place(cart, &attempt)
        else { return attempt.record }
        attempt.record.accepted = intended.duration(to: .now)
        await follow(&attempt)
        return attempt.record
    }

    /// The record so far, and when its next request is due.
    private struct Attempt {
        var record: BuyRecord
        var due: ContinuousClock.Instant
    }

    private func openCart(_ attempt: inout Attempt) async -> String? {
        let answer = await send(.cartOpen, "POST", "/v1/carts", body: "{}", &attempt)
        guard answer.isGood, let cart = answer.text("id") else {
            refuse(answer, &attempt)
            return nil
        }
        return cart
    }

    private func fill(_ cart: String, _ attempt: inout Attempt) async -> Bool {
        let purchase = attempt.record.purchase
        let answer = await send(
            .cartAdd, "PUT", "/v1/carts/\(cart)/lines/\(purchase.sku)",
            body: "{\"quantity\":\(purchase.quantity)}", &attempt)
        if !answer.isGood { refuse(answer, &attempt) }
        return answer.isGood
    }

    private func place(_ cart: String, _ attempt: inout Attempt) async -> Bool {
        let card = attempt.record.purchase.cardToken
        let answer = await send(
            .orderPlace, "POST", "/v1/orders",
            body: "{\"card_token\":\"\(card)\",\"cart_id\":\"\(cart)\"}", &attempt,
            headers: ["Idempotency-Key": attempt.record.key])
        if answer.status == 202, let order = answer.text("id") {
            attempt.record.orderID = order
            attempt.record.end = .unfinished
            return true
        }
        refuse(answer, &attempt)
        // A server's error, or silence, says nothing about what happened behind it; nor does a
        // refusal when an earlier attempt may have been carried out.
        let mayExist = attempt.record.calls.contains {
            $0.kind == .orderPlace && Self.mayHavePlaced($0)
        }
        if mayExist { attempt.record.end = .unknown }
        return false
    }

    private static func mayHavePlaced(_ call: CallRecord) -> Bool {
        guard let status = call.status else {
            return call.failure != Self.neverSent
        }
        return status >= 500 || (200..<300).contains(status)
    }

    private func refuse(_ answer: ShopAnswer, _ attempt: inout Attempt) {
        if let status = answer.status, (400..<500).contains(status) {
            attempt.record.end = .refused(status: status)
        }
    }

    // MARK: To the final state

    /// Reads the order's events until the order ends; when the stream breaks off, asks for the order
    /// itself now and then.
    private func follow(_ attempt: inout Attempt) async {
        guard let order = attempt.record.orderID else { return }
        let deadline = Deadline.after(patience.follow)
        let events = await once(
            .orderFollow, "GET", "/v1/orders/\(order)/events", body: nil, &attempt,
            headers: ["Accept": "text/event-stream"], limit: patience.follow)
        if let end = Self.end(ofEvents: events) {
            finish(end, &attempt)
            return
        }
        while !deadline.isPast, !Task.isCancelled {
            let view = await once(
                .orderRead, "GET", "/v1/orders/\(order)", body: nil, &attempt,
                limit: min(patience.request, deadline.remaining))
            if let end = Self.end(ofOrder: view) {
                finish(end, &attempt)
                return
            }
            // Ignored: cancellation ends the loop above.
            try? await loop.sleep(for: min(patience.pause, deadline.remaining))
            attempt.due = .now
        }
    }

    private func finish(_ end: BuyEnd, _ attempt: inout Attempt) {
        attempt.record.end = end
        attempt.record.ended = attempt.record.intended.duration(to: .now)
    }

    /// The last event of an order that has ended.
    static func end(ofEvents answer: ShopAnswer) -> BuyEnd? {
        guard answer.status == 200 else { return nil }
        var stream = EventStream()
        // Ignored: a stream that cannot be read has told nothing; the order itself is asked then.
        guard let last = (try? stream.receive(answer.body))?.last else { return nil }
        switch last.type {
        case "OrderConfirmed": return .confirmed
        case "OrderCancelled":
            // Ignored: an event without readable details was still a cancellation.
            let event = try? JSONObject(Array(last.data.utf8), what: "the event")
            let reason = event?.optionalObject("detail")?.optionalText("reason")
            return .cancelled(reason: reason ?? "unknown")
        default: return nil
        }
    }

    static func end(ofOrder answer: ShopAnswer) -> BuyEnd? {
        guard answer.isGood else { return nil }
        switch answer.text("status") {
        case "CONFIRMED": return .confirmed
        case "CANCELLED": return .cancelled(reason: answer.text("reason") ?? "unknown")
        default: return nil
        }
    }

    // MARK: One request

    /// What a call that never left this machine is recorded as.
    private static let neverSent = "connectFailed"

    /// Sends a step until it is answered for good, within the tries of this customer.
    private func send(
        _ kind: CallKind, _ method: String, _ path: String, body: String?,
        _ attempt: inout Attempt, headers: [String: String] = [:]
    ) async -> ShopAnswer {
        var left = patience.tries
        while true {
            let answer = await once(
                kind, method, path, body: body, &attempt, headers: headers,
                limit: patience.request)
            left -= 1
            guard left > 0, Self.isWorthRepeating(answer), hasTime(attempt), !Task.isCancelled
            else { return answer }
            // Ignored: cancellation is seen by the request that follows.
            try? await loop.sleep(for: patience.pause)
            attempt.due = .now
        }
    }

    private func hasTime(_ attempt: Attempt) -> Bool {
        guard let total = patience.total else { return true }
        return attempt.record.intended.duration(to: .now) + patience.pause < total
    }

    /// A refusal for good stays one; 409 is a twin at work, or the key's first try.
    private static func isWorthRepeating(_ answer: ShopAnswer) -> Bool {
        guard let status = answer.status, answer.failure == nil else { return true }
        return status >= 500 || status == 429
            || (status == 409 && answer.text("code") == "idempotency_in_progress")
    }

    private func once(
        _ kind: CallKind, _ method: String, _ path: String, body: String?,
        _ attempt: inout Attempt, headers: [String: String] = [:], limit: Duration
    ) async -> ShopAnswer {
        var headers = headers
        // Demo identity: the token is the customer, and a customer of their own has limits of
        // their own.
        headers["Authorization"] = "Bearer demo-\(attempt.record.customer)"
        if body != nil { headers["Content-Type"] = "application/json" }
        let answer = await transport.send(
            ShopCall(method: method, path: path, headers: headers, body: body, limit: limit))
        let now = ContinuousClock.now
        attempt.record.calls.append(
            CallRecord(
                kind: kind, status: answer.status,
                failure: answer.nothingSent ? Self.neverSent : answer.failure,
                latency: attempt.due.duration(to: now)))
        attempt.due = now
        return answer
    }
}
