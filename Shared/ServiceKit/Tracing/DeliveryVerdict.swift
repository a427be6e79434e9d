import Basics
import Foundation
import HTTP
import HTTPClient

/// What an attempt to deliver a batch means (OTLP/HTTP: "Failures", "Partial success"). Pure.
enum DeliveryVerdict: Sendable, Equatable {
    /// Taken, but for so many spans.
    case delivered(rejected: Int)
    /// Worth another attempt, not before the wait that the collector asks for.
    case again(String, after: Duration?)
    /// Will be refused again.
    case refused(String)

    /// The collector's answer. Only these statuses are transient by the protocol.
    static func judge(status: Int, headers: Headers, body: [UInt8], now: WallTime) -> Self {
        switch status {
        case 200..<300: .delivered(rejected: rejected(in: body))
        case 429, 502, 503, 504:
            .again(
                "status \(status)", after: headers["retry-after"].flatMap { wait($0, now: now) })
        default: .refused("status \(status)")
        }
    }

    /// No answer: a collector that is away or slow may be back, a request that cannot be sent stays so.
    static func judge(_ error: ClientError) -> Self {
        switch error.code {
        case .connectFailed, .tlsFailed, .timeout, .reset, .poolExhausted, .cancelled:
            .again(error.code.rawValue, after: nil)
        case .malformed, .tooLarge, .invalidRequest: .refused(error.code.rawValue)
        }
    }

    /// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3).
    static func wait(_ text: String, now: WallTime) -> Duration? {
        if let seconds = Int64(text) { return seconds >= 0 ? .seconds(min(seconds, 86_400)) : nil }
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        guard let date = formatter.date(from: text) else { return nil }
        return max(
            .zero, .milliseconds(Int64(date.timeIntervalSince1970 * 1_000) - now.milliseconds))
    }

    private struct Answer: Decodable {
        struct PartialSuccess: Decodable {
            let rejectedSpans: FlexibleInteger?
        }
        let partialSuccess: PartialSuccess?
    }

    /// A 64-bit integer is a string in OTLP's JSON; readers must take a number, too.
    private struct FlexibleInteger: Decodable {
        let value: Int

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                // Ignored: not a string, so it is tried as a number below.
                value = Int(text) ?? 0
            } else {
                value = try container.decode(Int.self)
            }
        }
    }

    /// A body that cannot be read says nothing about rejected spans.
    private static func rejected(in body: [UInt8]) -> Int {
        guard !body.isEmpty,
            let answer = try? JSONDecoder().decode(Answer.self, from: Data(body))
        else {
            // Ignored: collectors may answer with an empty or a foreign body.
            return 0
        }
        return max(0, answer.partialSuccess?.rejectedSpans?.value ?? 0)
    }
}
