/// A Kafka topic as everybody must create and check it.
package struct Topic: Sendable, Hashable {
    package let name: String
    package let partitions: Int32
    package let isCompacted: Bool

    package init(name: String, partitions: Int32 = Topics.partitionCount, isCompacted: Bool = false)
    {
        self.name = name
        self.partitions = partitions
        self.isCompacted = isCompacted
    }

    /// Where undecodable records of this topic are copied (D15).
    package var deadLetters: Topic { Topic(name: name + ".dlq", partitions: partitions) }
}

/// `<owner>.<commands|replies|events>.v1`; the owner is the service that understands the words.
package enum Topics {
    /// For life: another count would map keys to other partitions (D7).
    package static let partitionCount: Int32 = 12

    package static let inventoryCommands = Topic(name: "inventory.commands.v1")
    package static let paymentCommands = Topic(name: "payment.commands.v1")
    package static let orderReplies = Topic(name: "order.replies.v1")
    package static let orderEvents = Topic(name: "order.events.v1")
    /// One keyed record per service says that the log is still the one the service knew (D9).
    package static let canary = Topic(name: "mercato.canary.v1", partitions: 1, isCompacted: true)

    /// The topics that carry business messages.
    package static let business = [inventoryCommands, paymentCommands, orderReplies, orderEvents]
    /// Every topic that must exist before a service starts.
    package static let all = business + business.map(\.deadLetters) + [canary]
}
