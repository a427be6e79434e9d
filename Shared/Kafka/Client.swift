internal import CKafka
internal import Sockets

/// Owns one handle of the C library and its event queue. The library's threads only write to an
/// eventfd; every event is taken by `poll()`, so no C callback runs Swift code. The handle is
/// destroyed on a thread of its own when the last reference goes, which may be a blocking call's.
@safe final class Client: Sendable {
    // Reason: the library documents its handles as safe for use from any thread.
    nonisolated(unsafe) private let handle: OpaquePointer
    // Reason: as the handle; the queue is never replaced.
    nonisolated(unsafe) private let queue: OpaquePointer
    /// Readable when the queue went from empty to non-empty, so a reader drains it to the end.
    let wake: WakeDescriptor
    let role: ClientOptions.Role
    // Reason: as the handle; filled before the client is shared, and read once, at its end.
    nonisolated(unsafe) private let topics: [OpaquePointer]

    init(_ options: ClientOptions) throws(KafkaError) {
        role = options.role
        do {
            wake = try WakeDescriptor()
        } catch {
            throw KafkaError(.other, "eventfd: \(error)")
        }
        let configuration = unsafe try Client.properties(options)
        var text = [CChar](repeating: 0, count: 512)
        let kind = options.role == .producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER
        guard let handle = unsafe rd_kafka_new(kind, configuration, &text, text.count) else {
            // The configuration is taken over only on success.
            unsafe rd_kafka_conf_destroy(configuration)
            throw KafkaError(.configuration, "client: \(errorText(text))")
        }
        unsafe self.handle = handle
        if options.role == .consumer { unsafe rd_kafka_poll_set_consumer(handle) }
        let main = unsafe rd_kafka_queue_get_main(handle)
        let consumer =
            options.role == .consumer ? unsafe rd_kafka_queue_get_consumer(handle) : nil
        if unsafe consumer != nil, let main = unsafe main { unsafe rd_kafka_queue_destroy(main) }
        guard let queue = unsafe consumer ?? main else {
            unsafe rd_kafka_destroy(handle)
            throw KafkaError(.other, "client has no event queue")
        }
        unsafe self.queue = queue
        // Holding a topic makes the library learn its partitions now, before a record needs them.
        unsafe topics = options.topics.compactMap {
            unsafe rd_kafka_topic_new(handle, $0, nil)
        }
        unsafe rd_kafka_set_log_queue(handle, queue)
        let one: [UInt64] = [1]
        unsafe one.withUnsafeBytes { payload in
            unsafe rd_kafka_queue_io_event_enable(
                queue, wake.descriptor, payload.baseAddress, payload.count)
        }
    }

    deinit {
        unsafe rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
        let remains = unsafe Remains(handle: handle, queue: queue, topics: topics, wake: wake)
        BlockingThread.start("kafka-destroy") { remains.destroy() }
    }

    /// What a dead client leaves for the thread that buries it.
    // Reason: the last reference is gone, so the burying thread is the only user.
    @safe private struct Remains: @unchecked Sendable {
        let handle: OpaquePointer
        let queue: OpaquePointer
        let topics: [OpaquePointer]
        /// Stays open until no library thread can write to it.
        let wake: WakeDescriptor

        func destroy() {
            for unsafe topic in unsafe topics { unsafe rd_kafka_topic_destroy(topic) }
            unsafe rd_kafka_queue_destroy(queue)
            // A consumer that should leave its group was closed before; a lost one must not block.
            unsafe rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
            withExtendedLifetime(wake) {}
        }
    }

    /// The next event, or nil when the queue is empty. Never blocks.
    func poll() -> ClientEvent? { poll(milliseconds: 0) }

    /// The next event, waiting for one. Only on a dedicated thread.
    func poll(milliseconds: Int32) -> ClientEvent? {
        guard let event = unsafe rd_kafka_queue_poll(queue, milliseconds) else { return nil }
        defer { unsafe rd_kafka_event_destroy(event) }
        return unsafe ClientEvent(copying: event, of: handle)
    }

    /// The handle and queue are valid only inside `body`.
    @unsafe func withHandle<T>(
        _ body: (_ handle: OpaquePointer, _ queue: OpaquePointer) -> T
    ) -> T {
        unsafe body(handle, queue)
    }

    private static func properties(
        _ options: ClientOptions
    ) throws(KafkaError) -> OpaquePointer {
        guard let list = unsafe rd_kafka_conf_new() else {
            throw KafkaError(.configuration, "no memory for a configuration")
        }
        var text = [CChar](repeating: 0, count: 512)
        for option in options.options {
            let result = unsafe rd_kafka_conf_set(
                list, option.name, option.value, &text, text.count)
            if result != RD_KAFKA_CONF_OK && !option.isOptional {
                unsafe rd_kafka_conf_destroy(list)
                throw KafkaError(.configuration, errorText(text))
            }
        }
        let events =
            RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_LOG | RD_KAFKA_EVENT_ERROR
            | RD_KAFKA_EVENT_REBALANCE
        unsafe rd_kafka_conf_set_events(list, events)
        // While a client is being closed the library serves our queue itself, and would print the
        // log lines that it finds there.
        unsafe rd_kafka_conf_set_log_cb(list, nil)
        return unsafe list
    }
}
