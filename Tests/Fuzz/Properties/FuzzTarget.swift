import HTTP

/// What is fuzzed, and what has to hold for any bytes given to it.
///
/// The properties are plain functions of the input, so that libFuzzer, the replay tests and a
/// debugger run the very same code. Nothing in them depends on time, on an order of hashing or on
/// an earlier input.
package enum FuzzTarget: String, CaseIterable, Sendable {
    /// A connection's bytes as a server sees them: any number of requests.
    case request
    /// A connection's bytes as a client sees them: interim responses, a response, a surplus.
    case response
    /// A body in chunked coding: sizes, extensions, data, trailers.
    case chunks
    /// What a handler or a caller hands to the writers.
    case writer

    /// Throws the first property that does not hold for `bytes`. `thorough` also tries the input
    /// split in two at each of its first 300 bytes, which is too slow for a fuzzer.
    package func check(_ bytes: [UInt8], thorough: Bool = false) throws(PropertyViolation) {
        switch self {
        case .request: try RequestProperties.check(bytes, thorough: thorough)
        case .response: try ResponseProperties.check(bytes, thorough: thorough)
        case .chunks: try ChunkProperties.check(bytes, thorough: thorough)
        case .writer: try WriterProperties.check(bytes)
        }
    }

    /// What the production parser with its standard limits says of `bytes`, in the words of the
    /// seed files: `2`, `1+400`, `0+more` for requests; `200`, `cut`, `refused` for a response;
    /// the number of data bytes, `refused 400` or `more` for chunks; `written`
    /// or `refused` of the request's and of the response's writer.
    package func verdict(on bytes: [UInt8]) throws(PropertyViolation) -> String {
        switch self {
        case .request: try RequestTranscript.of(Splits.whole(bytes), .standard).verdict
        case .response: try ResponseTranscript.of(Splits.whole(bytes), to: .get, .standard).verdict
        case .chunks: try ChunkTranscript.inRequest(Splits.whole(bytes), .standard).verdict
        case .writer: WriterProperties.verdict(on: bytes)
        }
    }
}

/// A property that does not hold for some input.
package struct PropertyViolation: Error, Sendable, CustomStringConvertible {
    /// The property as a sentence.
    package let property: String
    /// What was seen instead.
    package let detail: String

    package var description: String { "\(property)\n  seen: \(detail)" }
}

/// Throws unless the property holds.
func require(_ holds: Bool, _ property: String, _ detail: @autoclosure () -> String = "")
    throws(PropertyViolation)
{
    guard !holds else { return }
    throw PropertyViolation(property: property, detail: detail())
}
