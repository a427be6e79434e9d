/// Who hears of which descriptor.
extension EventLoop {
    /// Watches a descriptor that somebody else owns (libpq, hiredis, librdkafka's eventfd). The
    /// handler runs on the loop, again and again while the descriptor is ready (level-triggered).
    /// Loop thread only. Cancel the watch before the descriptor is closed.
    package func watch(
        _ descriptor: CInt, _ interest: Interest,
        _ handler: @escaping @Sendable (Readiness) -> Void
    ) throws(SocketError) -> Watch {
        checkIsolated()
        guard descriptor >= 0 else { throw SocketError(.closed, "watch") }
        let watch = watches.nextWatch(for: descriptor)
        // A number that the kernel knows already is refused by it; an entry that it does not know
        // is stale (closed without a cancel) or silent, and is replaced.
        if !interest.isEmpty { try poller.add(watch, interest) }
        watches.insert(.init(watch: watch, interest: interest, handler: handler))
        return watch
    }

    /// Changes what a watch hears about; without effect on a cancelled one. Loop thread only.
    package func update(_ watch: Watch, _ interest: Interest) {
        checkIsolated()
        guard let entry = watches.entry(watch), entry.interest != interest else { return }
        watches.setInterest(watch, interest)
        if interest.isEmpty {
            // Level-triggered hang-ups are reported even to an empty mask: take it out instead.
            poller.remove(watch.descriptor)
        } else if entry.interest.isEmpty {
            do throws(SocketError) {
                try poller.add(watch, interest)
            } catch {
                // The owner closed the descriptor: tell it, as a read or write would.
                let handler = entry.handler
                execute { handler([.error, Readiness(rawValue: interest.rawValue)]) }
            }
        } else {
            _ = poller.modify(watch, interest)
        }
    }

    /// Ends a watch: its handler is not called again, not even for events already fetched. Loop
    /// thread only; cancelling twice does nothing.
    package func cancel(_ watch: Watch) {
        checkIsolated()
        guard let entry = watches.remove(watch), !entry.interest.isEmpty else { return }
        poller.remove(watch.descriptor)
    }

    /// As `cancel`, by the owner of the descriptor who closes it next: the kernel then forgets it by
    /// itself, which saves a call. Loop thread only.
    func forget(_ watch: Watch) {
        checkIsolated()
        _ = watches.remove(watch)
    }
}
