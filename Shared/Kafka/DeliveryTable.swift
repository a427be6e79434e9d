/// Which record of which batch a delivery report's token belongs to. Pure: the producer keeps the
/// waiting callers and acts.
///
/// A batch is open from `open` until each of its records has a result; then it is handed out once,
/// in the order of the records, and forgotten.
struct DeliveryTable {
    typealias Outcome = Result<Int64, KafkaError>

    /// A batch whose records all have a result.
    struct Finished: Equatable {
        let batch: UInt
        let outcomes: [Outcome]
    }

    private struct Batch {
        var outcomes: [Outcome?]
        var missing: Int
    }

    private struct Place {
        let batch: UInt
        let index: Int
    }

    private var batches: [UInt: Batch] = [:]
    private var places: [UInt: Place] = [:]
    private var lastBatch: UInt = 0
    private var lastToken: UInt = 0

    /// Records that wait for a report.
    var pending: Int { places.count }

    mutating func open(count: Int) -> UInt {
        lastBatch += 1
        batches[lastBatch] = Batch(
            outcomes: Array(repeating: nil, count: count), missing: count)
        return lastBatch
    }

    /// A token for the record at `index`; never 0, which the library gives for "none".
    mutating func token(batch: UInt, index: Int) -> UInt {
        lastToken += 1
        places[lastToken] = Place(batch: batch, index: index)
        return lastToken
    }

    /// Notes a result. Returns the batch when it was the last one missing; unknown tokens (of a
    /// batch that was given up) change nothing.
    mutating func settle(_ token: UInt, _ outcome: Outcome) -> Finished? {
        guard let place = places.removeValue(forKey: token),
            var batch = batches[place.batch], batch.outcomes[place.index] == nil
        else { return nil }
        batch.outcomes[place.index] = outcome
        batch.missing -= 1
        batches[place.batch] = batch
        return batch.missing == 0 ? finish(place.batch) : nil
    }

    /// Ends a batch now: records without a result get `error`.
    mutating func giveUp(_ batch: UInt, _ error: KafkaError) -> Finished? {
        guard let known = batches.removeValue(forKey: batch) else { return nil }
        return Finished(
            batch: batch, outcomes: known.outcomes.map { $0 ?? .failure(error) })
    }

    /// Ends every batch, in the order they were opened: the handle they were sent with is gone.
    mutating func giveUpAll(_ error: KafkaError) -> [Finished] {
        places = [:]
        return batches.keys.sorted().compactMap { giveUp($0, error) }
    }

    private mutating func finish(_ batch: UInt) -> Finished? {
        guard let known = batches.removeValue(forKey: batch) else { return nil }
        return Finished(batch: batch, outcomes: known.outcomes.compactMap { $0 })
    }
}
