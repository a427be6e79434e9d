package import Basics

/// IMF-fixdate (RFC 9110 §5.6.7), for example `Sun, 06 Nov 1994 08:49:37 GMT`.
package enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The text changes once a second; servers keep it that long.
    package static func text(_ time: WallTime) -> String {
        // `2026-02-03T04:05:06.789000Z` has every number already, at fixed places.
        let iso = Array(time.iso8601)
        func part(_ range: Range<Int>) -> String { String(iso[range]) }
        let dayNumber = Int((time.microseconds / 1_000_000 / 86_400) % 7 + 7) % 7
        let month = months[(Int(part(5..<7)) ?? 1) - 1]
        return "\(days[dayNumber]), \(part(8..<10)) \(month) \(part(0..<4)) \(part(11..<19)) GMT"
    }
}
