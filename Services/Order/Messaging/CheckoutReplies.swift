package import Messaging
package import Postgres

/// The consumer of `order.replies.v1`: each reply is one transition, in the transaction that holds
/// its inbox row.
package struct CheckoutReplies: MessageHandler {
    private let driver: CheckoutDriver

    package init(driver: CheckoutDriver) { self.driver = driver }

    package func handle(_ message: IncomingMessage, in transaction: Transaction) async throws {
        try await driver.receive(message, in: transaction)
    }
}
