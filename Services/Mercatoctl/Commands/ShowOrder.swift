import Basics

extension Commands {
    /// All rows about one order, of every service and of the provider.
    func showOrder(_ text: String) async throws -> ExitCode {
        guard let id = UniqueID(text) else {
            throw CommandFailure(.usage, "\"\(text)\" is no order id")
        }
        let story = try await places().with(.admin) { place in
            var story = OrderStory(order: id.description)
            let reader = AuditReader(place.admin(calls))
            for service in AuditReader.services.reversed() where service != "cart" {
                try await reader.rows(of: service) { table, row in
                    story.add(service: service, table: table, row: row)
                }
            }
            return story
        }
        guard story.isKnown else {
            throw CommandFailure(.failed, "no service knows the order \(id)")
        }
        for line in story.lines { terminal.line(line) }
        return .done
    }
}

/// The rows of one order, under the names of their tables.
struct OrderStory {
    let order: String
    private var tables: [(title: String, rows: [String])] = []

    /// Columns that say nothing to people, or repeat the order.
    private static let hidden: Set<String> = [
        "order_id", "merchant_reference", "lines_hash", "request", "body", "body_hash",
        "request_hash", "previous_seq", "traceparent", "lease_owner", "lease_until", "need",
        "card_token", "op_id", "id", "op_kind", "op_state", "pending_code", "pending_id",
        "previous_attempt", "previous_state", "on_hand_before", "held_before", "command_id",
        "cause_message_id", "step_seq", "customer_id", "saga_type", "headers",
    ]

    init(order: String) { self.order = order }

    var isKnown: Bool { !tables.isEmpty }

    mutating func add(service: String, table: String, row: JSONObject) {
        let key = table == "journal" ? "merchant_reference" : "order_id"
        guard row.optionalText(key) == order else { return }
        let title = "\(service): \(table)"
        let text = row.summary(hiding: Self.hidden)
        if let index = tables.firstIndex(where: { $0.title == title }) {
            tables[index].rows.append(text)
        } else {
            tables.append((title, [text]))
        }
    }

    var lines: [String] {
        ["order \(order)"]
            + tables.flatMap { table in ["", table.title] + table.rows.map { "  \($0)" } }
    }
}
