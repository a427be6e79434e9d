/// What a consumer has read ahead of its owner, in order: records, and events between them. Pure.
struct ConsumerBuffer {
    private enum Item {
        case record(ConsumedRecord)
        case event(ConsumerEvent)
    }

    private var items: [Item] = []
    private var head = 0
    private(set) var records = 0
    private(set) var bytes = 0

    mutating func append(_ record: ConsumedRecord) {
        items.append(.record(record))
        records += 1
        bytes += record.weight
    }

    mutating func append(_ event: ConsumerEvent) {
        items.append(.event(event))
    }

    /// Client errors repeat while a broker is away; one at the end of the buffer says it all.
    mutating func appendDisconnected() {
        if head < items.count, case .event(.disconnected)? = items.last { return }
        append(.disconnected)
    }

    /// Errors that the client repeats say no more the second time; one of a kind at the end of the
    /// buffer is enough, so that a busy owner cannot make it grow.
    mutating func append(error: KafkaError) {
        if head < items.count, case .event(.error(let last))? = items.last, last.code == error.code,
            !error.isFatal
        {
            return
        }
        append(.error(error))
    }

    /// The next event; records that follow one another are handed out together, up to `limit`.
    mutating func next(limit: Int) -> ConsumerEvent? {
        guard head < items.count else { return nil }
        if case .event(let event) = items[head] {
            head += 1
            compact()
            return event
        }
        var batch: [ConsumedRecord] = []
        while head < items.count, batch.count < limit, case .record(let record) = items[head] {
            batch.append(record)
            records -= 1
            bytes -= record.weight
            head += 1
        }
        compact()
        return .records(batch)
    }

    /// Drops records and reset requests of these partitions. Returns the first dropped offset of
    /// each that had one.
    mutating func discard(_ places: Set<TopicPartition>) -> [TopicPartition: Int64] {
        var first: [TopicPartition: Int64] = [:]
        var kept: [Item] = []
        for item in items[head...] {
            switch item {
            case .record(let record) where places.contains(record.topicPartition):
                let place = record.topicPartition
                first[place] = first[place] ?? record.offset
                records -= 1
                bytes -= record.weight
            case .event(.resetRequired(let place)) where places.contains(place):
                break
            default:
                kept.append(item)
            }
        }
        items = kept
        head = 0
        return first
    }

    /// Frees what was handed out, seldom enough that a record is moved only a few times.
    private mutating func compact() {
        guard head == items.count || (head > 512 && head * 2 > items.count) else { return }
        items.removeFirst(head)
        head = 0
    }
}
