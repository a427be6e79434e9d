import HTTP

/// A request body that is made while it is sent: of known length, or chunked.
///
/// The next piece is asked for when the kernel has taken the one before, so a slow peer slows the
/// sequence down. It is read once, so a request with it is repeated only when nothing was sent. An
/// answer that comes before the end stops it: the task that reads the sequence is cancelled (U4).
package struct ClientUpload: Sendable {
    /// Sent as `Content-Length`; a sequence of another length fails the request. Nil sends chunks.
    package let length: Int?
    private let pass: @Sendable (_ write: ([UInt8]) async throws -> Void) async throws -> Void

    /// `pieces` is read once, up to `length` bytes when a length is given; empty pieces are nothing.
    package init<Pieces: AsyncSequence & Sendable>(_ pieces: Pieces, length: Int? = nil)
    where Pieces.Element == [UInt8] {
        self.length = length
        pass = { write in
            for try await piece in pieces where !piece.isEmpty { try await write(piece) }
        }
    }

    /// Hands each piece to `write`, and throws what the sequence or `write` throws.
    func send(_ write: ([UInt8]) async throws -> Void) async throws { try await pass(write) }
}

/// What an attempt puts on the wire.
struct OutgoingMessage: Sendable {
    /// Written in one call while the answer is not yet read. Beyond, the answer is read meanwhile: a
    /// peer that refuses early may never take the rest.
    static let atOnceMax = 64 * 1_024

    /// The head, and a body that is there already.
    let bytes: [UInt8]
    let upload: ClientUpload?
    /// The peer reads more than a head.
    let hasBody: Bool

    var goesAtOnce: Bool { upload == nil && bytes.count <= Self.atOnceMax }

    init(_ request: ClientRequest, to url: ClientURL) throws(ClientError) {
        if let length = request.upload?.length, length < 0 || !request.body.isEmpty {
            throw ClientError(.invalidRequest, "the body's length", nothingWritten: true)
        }
        // A body known to be empty is no stream.
        upload = request.upload?.length == 0 ? nil : request.upload
        hasBody = upload != nil || !request.body.isEmpty
        do throws(WriteError) {
            bytes =
                try RequestWriter.head(
                    request.method, target: url.target, host: url.origin.authority,
                    headers: request.headers,
                    bodyLength: upload == nil ? request.body.count : upload?.length)
                + (upload == nil ? request.body : [])
        } catch {
            throw ClientError(.invalidRequest, error.detail, nothingWritten: true)
        }
    }
}
