import Basics
import Sockets
import Telemetry

/// Carries requests through the ledger and the journal: the only place where the provider waits.
///
/// Runs on the loop. A line is queued for the disk in the same turn in which it entered the books,
/// so the journal's order is the ledger's order.
actor ProviderDesk {
    /// What the caller gets.
    enum Reply: Sendable, Equatable {
        case answer(JournalEntry, isReplay: Bool)
        case keyReused
        case inProgress
        /// No answer at all: the connection is dropped after the caller's time-out.
        case silence
    }

    private let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let writer: JournalWriter
    private let hold: Duration
    private let logger: Logger
    private let now: @Sendable () -> WallTime
    private let appended: Counter
    private let met: Counter
    private var ledger: ProviderLedger
    private var durable: [JournalEntry]
    private var fault = FaultSwitch()
    /// Calls that met a fault since the switch was last turned to one.
    private(set) var faultsMet = 0
    /// Keys that were called before; grows with the journal, as everything here does.
    private var called: Set<String>

    init(
        entries: [JournalEntry], writer: JournalWriter, hold: Duration, loop: EventLoop,
        logger: Logger, metrics: MetricsRegistry,
        now: @escaping @Sendable () -> WallTime = { .now() }
    ) {
        var ledger = ProviderLedger()
        for entry in entries { ledger.apply(entry) }
        self.ledger = ledger
        durable = entries
        called = Set(entries.map(\.key))
        self.writer = writer
        self.hold = hold
        self.loop = loop
        self.logger = logger
        self.now = now
        appended = metrics.counter(
            "mercato_provider_journal_entries_total", help: "Lines made durable in the journal.")
        met = metrics.counter(
            "mercato_provider_faults_met_total", help: "Calls that met an operator's fault.")
    }

    /// Everything that is on disk, in order.
    var journal: [JournalEntry] { durable }

    var currentFault: FaultSwitch { fault }

    func setFault(_ fault: FaultSwitch) {
        self.fault = fault
        if fault.mode != .off { faultsMet = 0 }
        logger.warning("fault set", ["mode": .string(fault.mode.rawValue)])
    }

    func query(key: String) -> ProviderLedger.Known? { ledger.query(key: key) }

    func query(merchantReference: String) -> [ProviderLedger.Known] {
        ledger.query(merchantReference: merchantReference)
    }

    /// One authorization, capture, void or refund.
    func perform(_ instruction: Instruction) async throws -> Reply {
        switch ledger.begin(instruction) {
        case .replay(let entry): return .answer(entry, isReplay: true)
        case .keyReused: return .keyReused
        case .inProgress: return .inProgress
        case .fresh: break
        }
        let behaviour = choose(for: instruction)
        if behaviour.ending == .silentWithoutEffect {
            ledger.abandon(instruction.key)
            try await loop.sleep(for: hold + behaviour.delay)
            return .silence
        }
        // Reason: a payment company finishes what it began even when the caller has hung up, so the
        // work is not a child of the request. It ends after the delay and one write.
        let work = Task(executorPreference: loop) {
            try await self.carryOut(instruction, behaviour)
        }
        let entry = try await work.value
        if behaviour.ending == .silentAfterEffect {
            try await loop.sleep(for: hold)
            return .silence
        }
        return .answer(entry, isReplay: false)
    }

    /// Fences a key, durably (D12).
    func cancel(key: String, merchantReference: String?) async throws -> ProviderLedger.Cancellation
    {
        let result = ledger.cancel(
            key: key, merchantReference: merchantReference, at: now().iso8601)
        if case .fenced(let entry) = result {
            called.insert(key)
            try await write(entry)
            ledger.confirm(key)
        }
        return result
    }

    private func choose(for instruction: Instruction) -> Behaviour {
        let isFirstCall = called.insert(instruction.key).inserted
        let card = cardBehaviour(for: instruction, isFirstCall: isFirstCall)
        guard let forced = fault.next(over: card) else { return card }
        faultsMet += 1
        met.increment()
        return forced
    }

    private func cardBehaviour(for instruction: Instruction, isFirstCall: Bool) -> Behaviour {
        guard let token = ledger.cardToken(of: instruction), let card = TestCard(rawValue: token)
        else { return TestCard.behaviour(ofUnknown: instruction.kind) }
        return card.behaviour(
            for: instruction.kind, key: instruction.key, isFirstCall: isFirstCall,
            hasFailed: ledger.hasFailed(instruction))
    }

    private func carryOut(_ instruction: Instruction, _ behaviour: Behaviour) async throws
        -> JournalEntry
    {
        if behaviour.delay > .zero { try await loop.sleep(for: behaviour.delay) }
        let entry = ledger.settle(instruction, forced: behaviour.verdict, at: now().iso8601)
        try await write(entry)
        ledger.confirm(instruction.key)
        return entry
    }

    /// Returns when the line is on disk. After a failure the entry's key stays in progress: what
    /// the disk holds is unknown until a restart reads it.
    private func write(_ entry: JournalEntry) async throws {
        let line = try JournalFile.encode(entry)
        do {
            try await withCheckedThrowingContinuation {
                (done: CheckedContinuation<Void, any Error>) in
                writer.append(line) { done.resume(with: $0.mapError { $0 as any Error }) }
            }
        } catch {
            logger.error("journal write failed", ["error": .init(describing: error)])
            throw error
        }
        durable.append(entry)
        appended.increment()
    }
}
