import SecamBase
import SecamWire

/// A time on the command line.
enum TimeArgument {
    static let expected =
        "a time in UTC such as '2026-01-31 23:59:59' (or with T and Z), '2026-01-31' or '23:59', or an age such as "
        + "'10m' (s, m, h, d)"

    /// - Parameter now: UTC microseconds.
    /// - Returns: UTC microseconds; `nil` when the text is not a time.
    static func parse(_ text: String, now: Int64) -> Int64? {
        if let unit = text.last.flatMap({ DurationText.units[$0] }), let count = Double(text.dropLast()), count >= 0,
            count < 1e6
        {
            return now - Int64(count * Double(unit) * 1e6)
        }
        let words = text.split(whereSeparator: { $0 == " " || $0 == "T" }).map(String.init)
        guard let first = words.first else { return nil }
        switch words.count {
        case 1 where first.contains(":"):
            return UTCText.microseconds(clock: first.hasSuffix("Z") ? first.dropLast() : first[...])
                .map { now / WallClock.day * WallClock.day + $0 }
        case 1: return UTCText.microseconds(date: first)
        case 2: return UTCText.microseconds(iso: words.joined(separator: "T"))
        default: return nil
        }
    }
}
