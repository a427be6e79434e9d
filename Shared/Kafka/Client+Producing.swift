internal import CKafka

/// What a producer asks of its client.
extension Client {
    /// Hands a record to the library, which copies it. The delivery report carries `token`.
    func produce(_ record: ProducerRecord, token: UInt) throws(KafkaError) {
        let failure = unsafe record.key.withUnsafeBytes { key in
            unsafe record.value.withUnsafeBytes { value in
                unsafe produce(record, key: key, value: value, token: token)
            }
        }
        if let failure { throw failure }
    }

    private func produce(
        _ record: ProducerRecord, key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer,
        token: UInt
    ) -> KafkaError? {
        let headers: OpaquePointer
        do throws(KafkaError) {
            unsafe headers = try Self.headers(record.headers)
        } catch {
            return error
        }
        var isTaken = false
        // The library takes the header list over only when it takes the record.
        defer { if !isTaken { unsafe rd_kafka_headers_destroy(headers) } }
        let failure = unsafe record.topic.withCString { topic -> OpaquePointer? in
            var list = unsafe [rd_kafka_vu_t](repeating: rd_kafka_vu_t(), count: 7)
            unsafe list[0].vtype = RD_KAFKA_VTYPE_TOPIC
            unsafe list[0].u.cstr = topic
            unsafe list[1].vtype = RD_KAFKA_VTYPE_PARTITION
            unsafe list[1].u.i32 = record.partition
            unsafe list[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS
            unsafe list[2].u.i = RD_KAFKA_MSG_F_COPY
            unsafe list[3].vtype = RD_KAFKA_VTYPE_KEY
            unsafe list[3].u.mem.ptr = Self.readOnly(key)
            unsafe list[3].u.mem.size = key.count
            unsafe list[4].vtype = RD_KAFKA_VTYPE_VALUE
            unsafe list[4].u.mem.ptr = Self.readOnly(value)
            unsafe list[4].u.mem.size = value.count
            unsafe list[5].vtype = RD_KAFKA_VTYPE_HEADERS
            unsafe list[5].u.headers = headers
            // An integer in a pointer's place: nothing is ever read through it.
            unsafe list[6].vtype = RD_KAFKA_VTYPE_OPAQUE
            unsafe list[6].u.ptr = UnsafeMutableRawPointer(bitPattern: token)
            return unsafe withHandle { handle, _ in
                unsafe rd_kafka_produceva(handle, list, list.count)
            }
        }
        if let failure = unsafe failure {
            return KafkaError(consuming: failure, "enqueue for \(record.topic)")
        }
        isTaken = true
        return nil
    }

    /// For tests: the library raises a fatal error by itself.
    func simulateFatalError() {
        unsafe withHandle { handle, _ in
            _ = unsafe rd_kafka_test_fatal_error(
                handle, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "simulated")
        }
    }

    /// The library reads keys and values through pointers that C declares mutable. An empty array
    /// has no address of its own, yet a null pointer would mean an absent value.
    private static func readOnly(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer? {
        unsafe UnsafeMutableRawPointer(mutating: bytes.baseAddress)
            ?? UnsafeMutableRawPointer(bitPattern: 1)
    }

    private static func headers(
        _ list: [(String, [UInt8])]
    ) throws(KafkaError) -> OpaquePointer {
        guard let headers = unsafe rd_kafka_headers_new(list.count) else {
            throw KafkaError(.other, "no memory for headers")
        }
        for (name, value) in list {
            let result = unsafe value.withUnsafeBytes { bytes in
                unsafe rd_kafka_header_add(
                    headers, name, -1, unsafe bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1),
                    bytes.count)
            }
            guard result == RD_KAFKA_RESP_ERR_NO_ERROR else {
                unsafe rd_kafka_headers_destroy(headers)
                throw KafkaError(result, "header \(name)")
            }
        }
        return unsafe headers
    }
}
