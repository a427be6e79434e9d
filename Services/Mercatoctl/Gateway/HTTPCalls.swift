package import Basics

/// One answer, read whole.
package struct HTTPAnswer: Sendable {
    package let status: Int
    package let body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    package var text: String { String(decoding: body, as: UTF8.self) }
}

/// What this program asks of HTTP; a test answers it from memory.
package protocol HTTPCalls: Sendable {
    /// One request with its whole answer. Throws `CommandFailure` when nobody answered.
    func call(
        _ method: String, _ url: String, headers: [String: String], body: [UInt8]?
    ) async throws -> HTTPAnswer

    /// A `GET` whose body is handed on in pieces as it arrives; `piece` returns false to end early.
    ///
    /// - Returns: the status. The pieces of an answer other than 200 are not handed on.
    func stream(
        _ url: String, headers: [String: String], limit: Deadline,
        _ piece: (_ bytes: [UInt8]) async throws -> Bool
    ) async throws -> Int
}
