import Basics
import Testing

@testable import Postgres

/// Event in, exact actions out; time is a parameter, so nothing waits.
struct PoolStateMachineTests {
    private typealias Action = PoolStateMachine.Action
    private let start = MonotonicInstant.now

    private func machine(
        sizeMax: Int = 2, minimum: Int = 0, waitersMax: Int = 2
    ) -> PoolStateMachine {
        PoolStateMachine(
            limits: .init(
                sizeMax: sizeMax, minimum: minimum, waitersMax: waitersMax,
                lifetime: .seconds(100), idleTime: .seconds(10))
        ) { .milliseconds(100 * $0) }
    }

    /// A machine whose connection 1 is leased to waiter 1.
    private func leased(sizeMax: Int = 2, minimum: Int = 0, waitersMax: Int = 2) -> PoolStateMachine
    {
        var machine = machine(sizeMax: sizeMax, minimum: minimum, waitersMax: waitersMax)
        _ = machine.acquire(1, now: start)
        _ = machine.connected(1, now: start)
        return machine
    }

    @Test func `the first caller causes one connection and gets it`() {
        var machine = machine()
        #expect(machine.acquire(1, now: start) == [.connect(1, after: .zero)])
        #expect(machine.connected(1, now: start) == [.lease(1, to: 1)])
        #expect(machine.leased == 1)
    }

    @Test func `a released connection goes to the caller who waited longest`() {
        var machine = leased(sizeMax: 1)
        #expect(machine.acquire(2, now: start) == [])
        #expect(machine.acquire(3, now: start) == [])
        #expect(machine.released(1, isReusable: true, now: start) == [.lease(1, to: 2)])
        #expect(machine.released(1, isReusable: true, now: start) == [.lease(1, to: 3)])
    }

    @Test func `an idle connection is used before a new one is opened`() {
        var machine = leased()
        #expect(machine.released(1, isReusable: true, now: start) == [])
        #expect(machine.acquire(2, now: start) == [.lease(1, to: 2)])
    }

    @Test func `never more connections than the limit`() {
        var machine = machine(sizeMax: 2, waitersMax: 5)
        #expect(machine.acquire(1, now: start) == [.connect(1, after: .zero)])
        #expect(machine.acquire(2, now: start) == [.connect(2, after: .zero)])
        #expect(machine.acquire(3, now: start) == [])
    }

    @Test func `a full queue refuses at once`() {
        var machine = leased(sizeMax: 1, waitersMax: 1)
        #expect(machine.acquire(2, now: start) == [])
        #expect(machine.acquire(3, now: start) == [.refuse(3, .overloaded)])
    }

    @Test func `a caller whose time is up leaves the queue`() {
        var machine = leased(sizeMax: 1)
        _ = machine.acquire(2, now: start)
        #expect(machine.giveUp(2, .timeout) == [.refuse(2, .timeout)])
        #expect(machine.released(1, isReusable: true, now: start) == [])
    }

    @Test func `giving up after having been served changes nothing`() {
        var machine = leased()
        #expect(machine.giveUp(1, .timeout) == [])
        #expect(machine.leased == 1)
    }

    @Test func `a broken connection is closed and replaced for the next caller`() {
        var machine = leased(sizeMax: 1)
        _ = machine.acquire(2, now: start)
        #expect(
            machine.released(1, isReusable: false, now: start) == [
                .close(1), .connect(2, after: .zero),
            ])
        #expect(machine.connected(2, now: start) == [.lease(2, to: 2)])
    }

    @Test func `a connection past its lifetime is closed when it comes back`() {
        var machine = leased()
        let later = start.advanced(by: .seconds(100))
        #expect(machine.released(1, isReusable: true, now: later) == [.close(1)])
    }

    @Test func `a failed attempt is repeated after a growing delay while somebody waits`() {
        var machine = machine()
        _ = machine.acquire(1, now: start)
        #expect(machine.connectFailed(1) == [.connect(1, after: .milliseconds(100))])
        let first = machine.attempts(1)
        #expect(first)
        #expect(machine.connectFailed(1) == [.connect(1, after: .milliseconds(200))])
        #expect(machine.isUnreachable)
    }

    @Test func `while attempts fail a single one probes`() {
        var machine = machine(sizeMax: 2, waitersMax: 5)
        _ = machine.acquire(1, now: start)
        _ = machine.connectFailed(1)
        #expect(machine.acquire(2, now: start) == [])
        let goesOn = machine.attempts(1)
        #expect(goesOn)
        // The server is back: the probe serves the first, a second connection the other.
        #expect(
            machine.connected(1, now: start) == [.lease(1, to: 1), .connect(2, after: .zero)])
    }

    @Test func `a delayed attempt that nobody needs any more is dropped`() {
        var machine = machine()
        _ = machine.acquire(1, now: start)
        _ = machine.connectFailed(1)
        _ = machine.giveUp(1, .timeout)
        let goesOn = machine.attempts(1)
        #expect(!goesOn)
        #expect(machine.isEmpty)
    }

    @Test func `an idle connection that ends is forgotten, a leased one stays until returned`() {
        var machine = leased()
        #expect(machine.lost(1) == [])
        #expect(machine.leased == 1)
        _ = machine.released(1, isReusable: true, now: start)
        #expect(machine.lost(1) == [.close(1)])
        #expect(machine.isEmpty)
    }

    @Test func `maintenance opens the minimum and closes spare connections`() {
        var machine = machine(sizeMax: 3, minimum: 1)
        #expect(machine.maintain(true) == [.connect(1, after: .zero)])
        #expect(machine.connected(1, now: start) == [])
        _ = machine.acquire(1, now: start)
        _ = machine.acquire(2, now: start)
        _ = machine.connected(2, now: start)
        _ = machine.released(1, isReusable: true, now: start)
        _ = machine.released(2, isReusable: true, now: start)
        #expect(machine.tick(now: start.advanced(by: .seconds(9))) == [])
        #expect(machine.tick(now: start.advanced(by: .seconds(10))) == [.close(1)])
        #expect(machine.maintain(false) == [.close(2)])
    }

    @Test func `an old idle connection of the minimum is replaced`() {
        var machine = machine(minimum: 1)
        _ = machine.maintain(true)
        _ = machine.connected(1, now: start)
        #expect(
            machine.tick(now: start.advanced(by: .seconds(100))) == [
                .close(1), .connect(2, after: .zero),
            ])
    }

    @Test func `the minimum is tried again after a failure without any caller`() {
        var machine = machine(minimum: 1)
        _ = machine.maintain(true)
        #expect(machine.connectFailed(1) == [.connect(1, after: .milliseconds(100))])
    }

    @Test func `closing refuses the waiting and closes what is idle, later what is leased`() {
        var machine = leased(sizeMax: 1)
        _ = machine.acquire(2, now: start)
        #expect(machine.close() == [.refuse(2, .closed)])
        #expect(machine.acquire(3, now: start) == [.refuse(3, .closed)])
        #expect(machine.released(1, isReusable: true, now: start) == [.close(1)])
        #expect(machine.isEmpty)
    }

    @Test func `a connection that arrives after closing is closed`() {
        var machine = machine()
        _ = machine.acquire(1, now: start)
        _ = machine.close()
        #expect(machine.connected(1, now: start) == [.close(1)])
    }
}
