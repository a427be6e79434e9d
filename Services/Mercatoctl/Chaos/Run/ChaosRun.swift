import Basics
package import Sockets

/// One scenario at one place, from the first order to the verdict.
package struct ChaosRun: Sendable {
    /// How often the target and the gateway's view are looked at.
    private static let lookEvery = Duration.milliseconds(250)
    /// From the end of the time for quiescence on, for reading the books.
    private static let checkMargin = Duration.seconds(2)

    package let scenario: ChaosScenario
    package let seed: UInt64
    package let backend: any ChaosBackend
    package let gatewayURL: String
    package let admin: AdminAPI
    package let loop: EventLoop
    /// For people who watch: what happens, as it happens.
    package let say: @Sendable (String) -> Void

    package init(
        _ scenario: ChaosScenario, seed: UInt64, backend: any ChaosBackend, gatewayURL: String,
        admin: AdminAPI, loop: EventLoop, say: @escaping @Sendable (String) -> Void
    ) {
        self.scenario = scenario
        self.seed = seed
        self.backend = backend
        self.gatewayURL = gatewayURL
        self.admin = admin
        self.loop = loop
        self.say = say
    }

    private var fault: ChaosFault { scenario.fault }

    /// - Throws: only when it was cancelled; everything else is part of the verdict. Whatever was
    ///   stopped runs again when it returns or throws, or the record says why it does not.
    package func run() async throws -> ChaosVerdict {
        let load = ChaosLoad(scenario, seed: seed)
        let recorder = ChaosRecorder(
            ChaosRecord(scenario: scenario, place: backend.place, seed: seed, began: .now()))
        do {
            let stage = ChaosStage(admin, loop: loop)
            if let obstacle = try await stage.obstacle() {
                recorder.note { $0.troubles.append(obstacle) }
                return ChaosVerdict(recorder.current)
            }
            try await stage.deliver(load.demand)
            let injector = try await backend.injector(for: fault)
            try await play(load, injector, recorder)
        } catch let failure as CommandFailure {
            try Task.checkCancellation()
            recorder.note { $0.troubles.append(Self.text(failure)) }
        }
        return ChaosVerdict(recorder.current)
    }

    // MARK: Orders, fault and witnesses side by side

    private func play(_ load: ChaosLoad, _ injector: any FaultInjector, _ recorder: ChaosRecorder)
        async throws
    {
        let clock = RunClock()
        let began = WallTime.now()
        recorder.note { $0.restart(at: began) }
        try await withThrowingTaskGroup { group in
            group.addTask(executorPreference: loop) {
                await watch(clock, recorder) { await injector.look() }
            }
            group.addTask(executorPreference: loop) {
                await watch(clock, recorder) { await AdminView(admin).look(for: fault) }
            }
            try await withThrowingTaskGroup { work in
                work.addTask(executorPreference: loop) {
                    try await buy(load, clock, recorder)
                }
                work.addTask(executorPreference: loop) {
                    try await disturb(injector, clock, recorder)
                }
                try await work.waitForAll()
            }
            group.cancelAll()
        }
        try await conclude(clock, recorder)
    }

    /// Customers who still wait when the time for quiescence is over are sent home: the books tell
    /// what became of their orders.
    private func buy(_ load: ChaosLoad, _ clock: RunClock, _ recorder: ChaosRecorder) async throws {
        try await withThrowingTaskGroup { group in
            group.addTask(executorPreference: loop) {
                let notSent = try await load.run(gatewayURL, clock: clock, loop: loop) { order in
                    recorder.note { $0.orders.append(order) }
                }
                guard notSent > 0 else { return }
                recorder.note { $0.troubles.append("\(notSent) orders could not be sent") }
            }
            group.addTask(executorPreference: loop) { try await wait(until: limit, clock) }
            _ = try await group.next()
            group.cancelAll()
        }
    }

    /// When nothing may be under way any more.
    private var limit: Duration { scenario.load.duration + scenario.limits.quiescence }

    private func watch(
        _ clock: RunClock, _ recorder: ChaosRecorder, _ look: () async -> [Sighting]
    ) async {
        while !Task.isCancelled {
            let sightings = await look()
            // What came after the end of the watch belongs to nobody.
            guard !Task.isCancelled else { return }
            recorder.see(sightings, at: clock.now)
            // Ignored: cancellation ends the loop.
            try? await loop.sleep(for: Self.lookEvery)
        }
    }

    // MARK: The fault

    private func disturb(
        _ injector: any FaultInjector, _ clock: RunClock, _ recorder: ChaosRecorder
    ) async throws {
        try await wait(until: fault.begins, clock)
        let began = clock.now
        recorder.note { $0.faultBegan = began }
        do {
            let done = try await injector.strike()
            tell(clock, "\(fault.title): \(done)")
            recorder.note { $0.injected = done }
            // Counted from its real beginning: a machine that stood still must not cut it short.
            try await wait(until: began + fault.lasts, clock)
        } catch let failure as CommandFailure {
            recorder.note { $0.troubles.append("the fault failed: " + Self.text(failure)) }
        } catch {
            await mend(injector, clock, recorder)
            throw error
        }
        await mend(injector, clock, recorder)
    }

    /// Not even Ctrl-C keeps it from being done: what was stopped must run again.
    private func mend(
        _ injector: any FaultInjector, _ clock: RunClock, _ recorder: ChaosRecorder
    ) async {
        let ended = clock.now
        recorder.note { $0.faultEnded = ended }
        // Reason: a task of its own does not inherit the cancellation of this one; it is awaited here.
        let work = Task(executorPreference: loop) { try await injector.mend() }
        do {
            let done = try await work.value
            let restored = clock.now
            tell(clock, "the fault is over: \(done)")
            recorder.note { record in
                record.mended = done
                record.restored = restored
            }
        } catch {
            let text = "\(fault.target.rawValue) could not be brought back: "
                + Self.text(StackStarter.failure(error))
            tell(clock, text)
            recorder.note { $0.troubles.append(text) }
        }
    }

    private func wait(until offset: Duration, _ clock: RunClock) async throws {
        let left = offset - clock.now
        if left > .zero { try await loop.sleep(for: left) }
    }

    // MARK: The books

    private func conclude(_ clock: RunClock, _ recorder: ChaosRecorder) async throws {
        let end = max(clock.start + limit, .now + Self.checkMargin)
        let result = try await books(until: end, clock)
        let quiet = result.quietAt.map(clock.offset(of:))
        let check = ChaosRecord.Check(result.report)
        let books = AuditState.KeyedOrders(result.report.state)
        recorder.note { record in
            record.quiet = quiet
            record.check = check
            record.orders = record.orders.map { $0.settled(by: books) }
                .sorted { $0.intended < $1.intended }
        }
    }

    /// A service that is still on its way back may break off an audit more than once.
    private func books(until end: ContinuousClock.Instant, _ clock: RunClock) async throws
        -> Checkup.Result
    {
        while true {
            do {
                return try await Checkup(AuditReader(admin), loop: loop).run(until: end) {
                    tell(clock, $0)
                }
            } catch let failure as CommandFailure where ContinuousClock.now < end {
                tell(clock, failure.message)
                try await loop.sleep(for: .seconds(1))
            }
        }
    }

    private func tell(_ clock: RunClock, _ text: String) {
        say("[\(Progress.seconds(clock.now)) s] \(text)")
    }

    private static func text(_ failure: CommandFailure) -> String {
        ([failure.message] + failure.details).joined(separator: "; ")
    }
}

extension ChaosRecord.Check {
    /// Culprits named for each invariant; the rest is counted.
    private static let shownMax = 3

    package init(_ report: CheckReport) {
        let broken = Dictionary(grouping: report.findings, by: \.invariant).sorted { $0.key < $1.key }
        self.init(
            isClean: report.isClean,
            complaints: broken.map { number, findings in
                let title = Invariant.all.first { $0.number == number }?.title ?? ""
                let shown = findings.prefix(Self.shownMax).map { "\($0.id): \($0.detail)" }
                let more = findings.count - shown.count
                return "\(number) \(title): \(shown.joined(separator: ", "))"
                    + (more > 0 ? " and \(more) more" : "")
            })
    }
}
