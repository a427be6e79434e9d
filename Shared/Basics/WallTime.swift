#if canImport(Glibc)
    import Glibc
#endif

/// Calendar time in microseconds since 1970 UTC: PostgreSQL's resolution, exact in 64 bits.
///
/// For showing and storing only. Durations are measured with a monotonic clock (`Deadline`).
package struct WallTime: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    /// The system's calendar clock.
    package static func now() -> WallTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(
            microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    /// Milliseconds since 1970, rounded down.
    package var milliseconds: Int64 { microseconds / 1_000 }

    package func advanced(by duration: Duration) -> WallTime {
        WallTime(microseconds: microseconds + duration.inMicroseconds)
    }

    package static func < (left: WallTime, right: WallTime) -> Bool {
        left.microseconds < right.microseconds
    }

    /// RFC 3339 in UTC with microseconds, for example `2026-02-03T04:05:06.789000Z`.
    package var iso8601: String {
        var days = microseconds / 86_400_000_000
        var rest = microseconds % 86_400_000_000
        if rest < 0 {
            rest += 86_400_000_000
            days -= 1
        }
        let (year, month, day) = Self.civil(fromDays: days)
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let fraction = String(rest % 1_000_000 + 1_000_000).dropFirst()
        let seconds = rest / 1_000_000
        let yearText = String(repeating: "0", count: max(0, 4 - String(year).count)) + "\(year)"
        return "\(yearText)-\(two(month))-\(two(day))T"
            + "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60)).\(fraction)Z"
    }

    package var description: String { iso8601 }

    /// Reads RFC 3339 text (also with a blank for `T`, and PostgreSQL's short offset `+00`).
    package init?(iso8601 text: some StringProtocol) {
        let bytes = Array(text.utf8)
        var at = 0
        func number(_ digits: Int) -> Int64? {
            guard at + digits <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[at..<at + digits] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            at += digits
            return value
        }
        func skip(_ accepted: String) -> Bool {
            guard at < bytes.count, accepted.utf8.contains(bytes[at]) else { return false }
            at += 1
            return true
        }
        guard let year = number(4), skip("-"), let month = number(2), skip("-"),
            let day = number(2), skip("T t"), let hour = number(2), skip(":"),
            let minute = number(2), skip(":"), let second = number(2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var fraction: Int64 = 0
        if skip(".") {
            var scale: Int64 = 100_000
            let start = at
            while at < bytes.count, bytes[at] >= 0x30, bytes[at] <= 0x39 {
                fraction += Int64(bytes[at] - 0x30) * scale
                scale /= 10
                at += 1
            }
            guard at > start else { return nil }
        }
        var offset: Int64 = 0
        if !skip("Zz") {
            let negative = at < bytes.count && bytes[at] == UInt8(ascii: "-")
            guard skip("+-"), let hours = number(2) else { return nil }
            var minutes: Int64 = 0
            if at < bytes.count {
                _ = skip(":")
                guard let value = number(2) else { return nil }
                minutes = value
            }
            offset = (hours * 3600 + minutes * 60) * (negative ? -1 : 1)
        }
        guard at == bytes.count else { return nil }
        let seconds =
            Self.days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        microseconds = seconds * 1_000_000 + fraction
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let time = WallTime(iso8601: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not a time: expected RFC 3339")
        }
        self = time
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(iso8601)
    }
}

extension WallTime {
    /// Days since 1970-01-01 of a date in the proleptic Gregorian calendar. Counting years from
    /// March puts the leap day last, so month lengths follow one linear formula.
    static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }

    static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}
