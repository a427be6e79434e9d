/// Where a streamed request body comes from: the connection that receives it.
package protocol RequestBodySource: AnyObject, Sendable {
    /// The next piece, nil at the end. Throws a `Problem` when the body is refused (too large, too
    /// slow, malformed, cut), and it is read no further.
    func nextBodyPiece() async throws -> [UInt8]?
}

/// A request's body, read once. Nothing is read from the client faster than the handler asks for it;
/// a handler that returns before the end has refused the rest.
package struct RequestBodyStream: AsyncSequence, Sendable {
    package typealias Element = [UInt8]

    private enum Origin: Sendable {
        case complete([UInt8])
        case source(any RequestBodySource)
    }

    private let origin: Origin

    /// A body that is there already.
    package init(_ bytes: [UInt8]) { origin = .complete(bytes) }

    init(_ source: any RequestBodySource) { origin = .source(source) }

    package struct AsyncIterator: AsyncIteratorProtocol {
        private var origin: Origin

        fileprivate init(_ stream: RequestBodyStream) { origin = stream.origin }

        /// The next piece, never empty; nil at the end.
        package mutating func next() async throws -> [UInt8]? {
            switch origin {
            case .source(let source): return try await source.nextBodyPiece()
            case .complete(let bytes):
                origin = .complete([])
                return bytes.isEmpty ? nil : bytes
            }
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}
