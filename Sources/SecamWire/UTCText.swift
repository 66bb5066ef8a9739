/// Times of the wire, UTC microseconds since 1970, as text.
package enum UTCText {
    /// Returns `2026-01-31 23:59:59.123 UTC`, for users; years past 9999 have more digits.
    package static func text(microseconds: Int64) -> String {
        let parts = parts(microseconds)
        return parts.date + " " + parts.time + " UTC"
    }

    /// Returns `2026-01-31T23:59:59.123Z`, for programs (RFC 3339).
    package static func iso(microseconds: Int64) -> String {
        let parts = parts(microseconds)
        return parts.date + "T" + parts.time + "Z"
    }

    /// Parses a time such as `2026-01-31T23:59:59.123456Z` (RFC 3339, in UTC; fraction and `Z` are optional).
    ///
    /// - Returns: `nil` for an invalid text.
    package static func microseconds(iso text: String) -> Int64? {
        let words = text.split(separator: "T", omittingEmptySubsequences: false)
        guard words.count == 2, let day = microseconds(date: words[0]) else { return nil }
        let clock = words[1].last == "Z" ? words[1].dropLast() : words[1]
        return microseconds(clock: clock).map { day + $0 }
    }

    /// Parses a date such as `2026-01-31`; returns the microseconds of its midnight.
    package static func microseconds(date text: some StringProtocol) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 3, let year = parts[0], let month = parts[1], let date = parts[2],
            (1970...9999).contains(year), (1...12).contains(month), (1...days(in: month, of: year)).contains(date)
        else { return nil }
        // Days since 1 March of year 0, so that a leap day is the last day of its year.
        let shifted = month > 2 ? year : year - 1
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + date - 1
        let ofEra = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400
        return (ofEra + ofYear - 719_468) * 86_400_000_000
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        let isLeapYear = year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400))
        return switch month {
        case 2: isLeapYear ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Parses a time of day such as `23:59`, `23:59:59` or `23:59:59.123456`; returns microseconds since midnight.
    package static func microseconds(clock text: some StringProtocol) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let hour = Int64(parts[0]), let minute = Int64(parts[1]),
            let second = parts.count == 3 ? Double(parts[2]) : 0, (0..<24).contains(hour), (0..<60).contains(minute),
            (0..<61).contains(second)
        else { return nil }
        return (hour * 60 + minute) * 60_000_000 + Int64((second * 1e6).rounded())
    }

    private static func parts(_ microseconds: Int64) -> (date: String, time: String) {
        let milliseconds = floorDivide(microseconds, 1000)
        let seconds = floorDivide(milliseconds.quotient, 1000)
        let days = floorDivide(seconds.quotient, 86_400)
        let date = civil(days: days.quotient)
        let second = days.remainder
        let dateText = padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2)
        let timeText =
            padded(second / 3600, 2) + ":" + padded(second / 60 % 60, 2) + ":" + padded(second % 60, 2) + "."
            + padded(seconds.remainder, 3)
        return (dateText, timeText)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// Returns the Gregorian date of a day counted from 1970-01-01. Internally years begin on 1 March, so that the leap
    /// day is the last day of its year.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day)
    }

    private static func padded(_ value: Int64, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
