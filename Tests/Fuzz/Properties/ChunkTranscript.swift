import HTTP

/// What a parser said about a body in chunked coding that follows a fixed head: chunks are decoded
/// inside of requests and of responses, and must mean the same in both.
struct ChunkTranscript: Equatable {
    enum Outcome: Equatable {
        case complete([UInt8])
        case incomplete
        case refused(ParseError)
    }

    var outcome: Outcome
    /// The data of a body that is not complete.
    var partial = Incidental<[UInt8]>([])
    /// Bytes of the input that had been given when the body ended; exact for single bytes.
    var end = Incidental(0)

    var verdict: String {
        switch outcome {
        case .complete(let data): "\(data.count)"
        case .incomplete: "more"
        case .refused(let error): "refused \(error.status)"
        }
    }

    private static let requestHead = Array(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    private static let responseHead = Array(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)

    /// Stops at the first request's end: what follows the body is no chunk.
    static func inRequest(_ pieces: Splits.Pieces, _ limits: HTTPLimits)
        throws(PropertyViolation) -> ChunkTranscript
    {
        var parser = RequestParser(limits: limits.withRoomForHead)
        var data: [UInt8] = []
        var given = 0
        do throws(ParseError) {
            for piece in [requestHead[...]] + pieces {
                parser.append(piece)
                given += piece.count
                while let event = try parser.next() {
                    if case .body(let more) = event { data += more }
                    guard case .end = event else { continue }
                    var found = ChunkTranscript(outcome: .complete(data))
                    found.end.value = given - requestHead.count
                    return found
                }
            }
        } catch {
            return ChunkTranscript(outcome: .refused(error), partial: Incidental(data))
        }
        return ChunkTranscript(outcome: .incomplete, partial: Incidental(data))
    }

    static func inResponse(_ pieces: Splits.Pieces, _ limits: HTTPLimits)
        throws(PropertyViolation) -> ChunkTranscript
    {
        var parser = ResponseParser(to: .get, limits: limits.withRoomForHead)
        var data: [UInt8] = []
        do throws(ParseError) {
            for piece in [responseHead[...]] + pieces {
                parser.append(piece)
                while let event = try parser.next() {
                    if case .body(let more) = event { data += more }
                    if case .end = event { return ChunkTranscript(outcome: .complete(data)) }
                }
            }
        } catch {
            return ChunkTranscript(outcome: .refused(error), partial: Incidental(data))
        }
        return ChunkTranscript(outcome: .incomplete, partial: Incidental(data))
    }
}

extension HTTPLimits {
    /// The heads above fit, and responses have the same limit of their body as requests.
    fileprivate var withRoomForHead: HTTPLimits {
        var limits = self
        limits.startLineMax = max(startLineMax, 64)
        limits.sectionMax = max(sectionMax, 128)
        return limits
    }
}
