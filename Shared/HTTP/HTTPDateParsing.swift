package import Basics

extension HTTPDate {
    /// Reads the three forms that a recipient must know (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37
    /// GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`. Nil for anything else.
    ///
    /// - Parameter now: places a year of two digits: never more than 50 years ahead.
    package static func parse(_ text: String, now: WallTime = .now()) -> WallTime? {
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        let parts: Parts?
        switch words.count {
        case 6 where words[5] == "GMT" && words[0].hasSuffix(","):
            parts = Parts(day: words[1], month: words[2], year: words[3], time: words[4], dayWidth: 2)
        case 4 where words[3] == "GMT" && words[0].hasSuffix(","):
            let date = words[1].split(separator: "-", omittingEmptySubsequences: false)
            guard date.count == 3, let year = Parts.number(String(date[2]), width: 2) else {
                return nil
            }
            parts = Parts(
                day: String(date[0]), month: String(date[1]),
                year: String(century(of: year, now) + year), time: words[2], dayWidth: 2)
        case 5:
            parts = Parts(day: words[2], month: words[1], year: words[4], time: words[3], dayWidth: 2)
        case 6 where words[2].isEmpty:
            // A day below 10 has a blank in front.
            parts = Parts(day: words[3], month: words[1], year: words[5], time: words[4], dayWidth: 1)
        default: return nil
        }
        return parts.flatMap { $0.isReal ? WallTime(iso8601: $0.iso8601) : nil }
    }

    private static func century(of year: Int, _ now: WallTime) -> Int {
        let this = Int(now.iso8601.prefix(4)) ?? 2000
        let guess = this / 100 * 100
        return guess + year > this + 50 ? guess - 100 : guess
    }

    private struct Parts {
        let year: Int
        let month: Int
        let day: Int
        let time: String

        init?(day: String, month: String, year: String, time: String, dayWidth: Int) {
            guard let day = Self.number(day, width: dayWidth), let year = Self.number(year, width: 4),
                let month = HTTPDate.months.firstIndex(of: month)
            else { return nil }
            let clock = time.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard clock.count == 3, clock.allSatisfy({ Self.number($0, width: 2) != nil }) else {
                return nil
            }
            (self.year, self.month, self.day, self.time) = (year, month + 1, day, time)
        }

        static func number(_ text: String, width: Int) -> Int? {
            guard text.utf8.count == width, text.utf8.allSatisfy(Character8.isDigit) else { return nil }
            return Int(text)
        }

        /// The month has this day; hours and the rest are judged by `WallTime`.
        var isReal: Bool {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            return (1...days[month - 1]).contains(day)
        }

        var iso8601: String {
            func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
            let text = String(year)
            let zeros = String(repeating: "0", count: 4 - text.count)
            return "\(zeros)\(text)-\(two(month))-\(two(day))T\(time)Z"
        }
    }
}
