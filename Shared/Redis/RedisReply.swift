import CRedis

/// One answer.
package indirect enum RedisReply: Sendable, Equatable {
    case null
    /// For example `OK`.
    case status(String)
    case integer(Int64)
    case bytes([UInt8])
    case array([RedisReply])
    /// An error inside an array; one that answers a whole command is thrown instead.
    case error(String)

    /// The text of a status or of bytes, nil for anything else.
    package var text: String? {
        switch self {
        case .status(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .null, .integer, .array, .error: nil
        }
    }

    /// The number of an integer answer, nil for anything else.
    package var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }
}

extension RedisReply {
    /// Copies a reply of hiredis, which stays the caller's to free. hiredis limits the nesting.
    init(copying pointer: UnsafeMutablePointer<redisReply>) {
        // Safe: `type` tells which fields are set, and each access below follows it.
        let reply = unsafe pointer.pointee
        switch unsafe reply.type {
        case REDIS_REPLY_INTEGER: self = .integer(unsafe reply.integer)
        case REDIS_REPLY_STRING: self = .bytes(unsafe Self.bytes(reply))
        case REDIS_REPLY_STATUS:
            self = .status(String(decoding: unsafe Self.bytes(reply), as: UTF8.self))
        case REDIS_REPLY_ERROR:
            self = .error(String(decoding: unsafe Self.bytes(reply), as: UTF8.self))
        case REDIS_REPLY_ARRAY:
            var elements: [RedisReply] = []
            for index in 0..<Int(unsafe reply.elements) {
                guard let element = unsafe reply.element[index] else { continue }
                elements.append(unsafe RedisReply(copying: element))
            }
            self = .array(elements)
        default: self = .null
        }
    }

    private static func bytes(_ reply: redisReply) -> [UInt8] {
        guard let text = unsafe reply.str else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: text, count: Int(reply.len)))
    }
}
