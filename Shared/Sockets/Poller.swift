import CLinux

/// What a watch wants to hear about. An empty set keeps the watch but hears nothing.
package struct Interest: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let readable = Interest(rawValue: 1)
    package static let writable = Interest(rawValue: 2)
}

/// What a descriptor is ready for.
///
/// After a hang-up or an error the interests that were asked for are reported too, so a driver
/// that only knows reading and writing finds the failure by its next call.
package struct Readiness: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let readable = Readiness(rawValue: 1)
    package static let writable = Readiness(rawValue: 2)
    package static let hangup = Readiness(rawValue: 4)
    package static let error = Readiness(rawValue: 8)
}

/// Names one registration of a descriptor.
///
/// The generation tells a registration from an earlier one of the same number: closing a
/// descriptor and opening another gives the same number back, and an event that was already
/// fetched for the old one must not reach the new one.
package struct Watch: Sendable, Hashable {
    let descriptor: CInt
    let generation: UInt32

    /// Generation in the high half, descriptor in the low half.
    var packed: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor)) }

    init(descriptor: CInt, generation: UInt32) {
        self.descriptor = descriptor
        self.generation = generation
    }

    init(packed: UInt64) {
        descriptor = CInt(bitPattern: UInt32(truncatingIfNeeded: packed))
        generation = UInt32(truncatingIfNeeded: packed >> 32)
    }
}

/// An epoll instance, level-triggered. It knows nothing about handlers.
@safe struct Poller: ~Copyable {
    private let epoll: FileDescriptor
    /// Filled by each wait: 4 KiB, too large for the stack of a function that runs for every turn.
    private let events: UnsafeMutableBufferPointer<clinux_event>

    init() throws(SocketError) {
        let number = clinux_epoll_create()
        guard number >= 0 else { throw SocketError(result: number, "epoll_create") }
        epoll = FileDescriptor(owning: number)
        unsafe events = .allocate(capacity: Int(clinux_event_batch))
        unsafe events.initialize(repeating: clinux_event())
    }

    deinit { unsafe events.deallocate() }

    func add(_ watch: Watch, _ interest: Interest) throws(SocketError) {
        let result = clinux_epoll_add(
            epoll.number, watch.descriptor, Self.flags(interest), watch.packed)
        guard result >= 0 else { throw SocketError(result: result, "epoll add") }
    }

    /// False when the descriptor has been closed by its owner meanwhile.
    func modify(_ watch: Watch, _ interest: Interest) -> Bool {
        clinux_epoll_modify(
            epoll.number, watch.descriptor, Self.flags(interest), watch.packed) >= 0
    }

    func remove(_ descriptor: CInt) {
        // Fails when the owner closed the descriptor first, which removed it too.
        _ = clinux_epoll_remove(epoll.number, descriptor)
    }

    /// Waits for events and hands each to `deliver`; `woke` is called between the two.
    func wait(
        milliseconds: CInt, woke: () -> Void, deliver: (Watch, Readiness) -> Void
    ) {
        guard let base = unsafe events.baseAddress else { return }
        // The buffer lives as long as the poller, and the call writes at most its capacity.
        let count = unsafe clinux_epoll_wait(epoll.number, base, CInt(events.count), milliseconds)
        // A failure here would be a bug in the arguments, not a state of the world.
        precondition(count >= 0, "epoll_wait refused its arguments")
        woke()
        for index in 0..<Int(count) {
            let event = unsafe events[index]
            deliver(Watch(packed: event.data), Self.readiness(event.events))
        }
    }

    private static func flags(_ interest: Interest) -> UInt32 {
        (interest.contains(.readable) ? clinux_readable : 0)
            | (interest.contains(.writable) ? clinux_writable : 0)
    }

    private static func readiness(_ events: UInt32) -> Readiness {
        var ready: Readiness = []
        if events & clinux_readable != 0 { ready.insert(.readable) }
        if events & clinux_writable != 0 { ready.insert(.writable) }
        if events & (clinux_hangup | clinux_peer_shutdown) != 0 { ready.insert(.hangup) }
        if events & clinux_failed != 0 { ready.insert(.error) }
        return ready
    }
}
