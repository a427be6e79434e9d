import Basics
import Contracts
import Foundation
import Kafka
import Mercatoctl
import NativeServers
import Postgres
import Support
import Synchronization
import Testing

/// Dead letters as an operator meets them, by `mercatoctl dlq`.
extension WholeStackTests {
    @Test func `garbage in a topic is seen, replayed in vain, and discarded; orders go on`() async throws {
        try await withShop { stack, shop in
            let value: [UInt8] = [0x00, 0xff, 0x7b]
            try await stack.produce(
                to: Topics.orderReplies, key: Array("who-knows".utf8), value: value,
                headers: [("type", Array("Nonsense".utf8))])
            let list = try await stack.listed(containing: "Nonsense on order.replies.v1", of: "order")
            #expect(list.contains("undecodable/malformed_envelope: header 'message-id': is missing"))
            let id = try #require(list.split(separator: " ").first.map(String.init))
            let copy = try await stack.deadLetterCopy(of: Topics.orderReplies, id: id)
            #expect(copy.value == value && copy.key == Array("who-knows".utf8))
            #expect(copy.header("dlq-error-code") == Array("malformed_envelope".utf8))

            let shown = try await stack.mercatoctl("dlq", "show", id)
            #expect(shown.output.contains("base64:AP97"), "\(shown.output)\(shown.errors)")
            let replayed = try await stack.mercatoctl("dlq", "replay", id)
            #expect(replayed.status == 1)
            #expect(replayed.output.contains("still fails: undecodable/malformed_envelope"))
            // The order's lane is not held up by what lies beside it.
            let order = try await shop.place("MUG-BLUE", card: "tok_ok")
            try await shop.reaches("CONFIRMED", order, within: .seconds(30))
            let check = try await stack.mercatoctl("check")
            #expect(check.status == 0 && check.output.contains("dead letters: order 1 undecodable"))

            let bare = try await stack.mercatoctl("dlq", "discard", id)
            #expect(bare.status == 2)
            let discarded = try await stack.mercatoctl("dlq", "discard", id, "--reason", "a test's own")
            #expect(discarded.status == 0, "\(discarded.output)\(discarded.errors)")
            #expect(try await stack.mercatoctl("dlq", "list").output == "no open dead letters\n")
            let settled = try await stack.mercatoctl("dlq", "list", "--state", "discarded")
            #expect(settled.output.contains("reason: a test's own"))
            let again = try await stack.mercatoctl("dlq", "replay", id)
            #expect(again.status == 1 && (again.output + again.errors).contains("dead_letter_settled"))
        }
    }

    @Test func `a message that a fault kept from being handled is handled by a replay after it is mended`()
        async throws
    {
        try await withShop { stack, shop in
            // Cart can settle no order; nobody but a replay would ever tell it again.
            try await stack.alterCart("ADD CONSTRAINT test_fault CHECK (false) NOT VALID")
            let order = try await shop.place("MUG-BLUE", card: "tok_ok")
            try await shop.reaches("CONFIRMED", order, within: .seconds(30))
            let letter = try await stack.listed(containing: "OrderConfirmed on order.events.v1", of: "cart")
            #expect(letter.contains("order \(order.id)"))
            let early = try await stack.mercatoctl("dlq", "replay", "--all", "--service", "cart")
            #expect(early.status == 1 && early.output.hasSuffix("0 settled, 1 still open\n"))
            #expect(early.output.contains("test_fault"))
            try await stack.alterCart("DROP CONSTRAINT test_fault")
            let replayed = try await stack.mercatoctl("dlq", "replay", "--all")
            #expect(replayed.status == 0, "\(replayed.output)\(replayed.errors)")
            #expect(replayed.output.contains("handled; resolved"))
            try await shop.emptied(order, within: .seconds(10))
            let check = try await stack.mercatoctl("check")
            #expect(check.status == 0, "\(check.output)")
            #expect(check.output.contains("dead letters: none"))
        }
    }
}

extension WholeStack {
    /// Puts a record into a topic, as any program with a Kafka client could.
    func produce(
        to topic: Topic, key: [UInt8], value: [UInt8], headers: [(String, [UInt8])]
    ) async throws {
        let kafka = KafkaConfiguration(
            bootstrapServers: settings.bootstrapServers, clientID: "test", isMock: true)
        try await TestLoop.run { loop in
            let producer = try Producer(
                kafka, loop: loop, logger: QuietLog.logger(), metrics: QuietLog.metrics())
            let record = ProducerRecord(
                topic: topic.name, partition: Murmur2.partition(key: key, count: topic.partitions),
                key: key, value: value, headers: headers)
            let result = await producer.send([record]).first
            await producer.close()
            _ = try result?.get()
        }
    }

    /// The lines of `mercatoctl dlq list` about one letter, once it is there.
    func listed(containing text: String, of service: String) async throws -> String {
        let found = Mutex("")
        try await eventually("\(text) is listed", within: .seconds(20), every: .milliseconds(200)) {
            let output = try await self.mercatoctl("dlq", "list", "--service", service).output
            guard output.contains(text) else { return false }
            found.withLock { $0 = output }
            return true
        }
        return found.withLock { $0 }
    }

    /// The copy of a dead letter on `<topic>.dlq`.
    func deadLetterCopy(of topic: Topic, id: String) async throws -> ConsumedRecord {
        let kafka = KafkaConfiguration(
            bootstrapServers: settings.bootstrapServers, clientID: "test", isMock: true)
        return try await TestLoop.run { loop in
            let consumer = try Consumer(
                kafka, group: "test-\(UniqueID.v7())", instanceID: nil, topics: [topic.deadLetters.name],
                loop: loop, logger: QuietLog.logger(), metrics: QuietLog.metrics())
            let deadline = Deadline.after(.seconds(30))
            while !deadline.isPast {
                switch try await consumer.next() {
                case .resetRequired(let partition): await consumer.seekToStart([partition])
                case .records(let records):
                    let wanted = records.first { $0.header("dlq-id") == Array(id.utf8) }
                    guard let wanted else { continue }
                    await consumer.close()
                    return wanted
                default: continue
                }
            }
            await consumer.close()
            throw StackFailure("no copy of the dead letter \(id) on \(topic.deadLetters.name)")
        }
    }

    /// Changes Cart's table of settled orders, as its owner.
    func alterCart(_ change: String) async throws {
        guard let conninfo = try launch("cart").environment["MERCATO_DATABASE_OWNER_URL"] else {
            throw StackFailure("cart was started without a database")
        }
        try await TestLoop.run { loop in
            let pool = Pool(
                configuration: PoolConfiguration(conninfo: Secret(conninfo), sizeMax: 1, minimum: 0),
                loop: loop, logger: QuietLog.logger(), metrics: QuietLog.metrics())
            do {
                try await pool.execute(Statement("ALTER TABLE cart_settlements \(change)"))
                await pool.close()
            } catch {
                await pool.close()
                throw error
            }
        }
    }
}
