import SecamConfig

/// A moment as people write it on a command line.
enum Moment {
    static let expected =
        "a time in UTC as '2026-01-31 23:59:59' (or with T and Z), '2026-01-31' or '23:59', or how long ago as '10m' "
        + "(s, m, h, d)"
    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]

    /// - Parameter now: UTC microseconds.
    /// - Returns: UTC microseconds; `nil` when the text is no moment.
    static func parse(_ text: String, now: Int64) -> Int64? {
        if let unit = text.last.flatMap({ units[$0] }), let count = Double(text.dropLast()), count >= 0, count < 1e6 {
            return now - Int64(count * Double(unit) * 1e6)
        }
        var words = text.split(whereSeparator: { $0 == " " || $0 == "T" }).map(String.init)
        if let last = words.indices.last, words[last].hasSuffix("Z") { words[last].removeLast() }
        switch words.count {
        case 1 where words[0].contains(":"):
            return time(words[0]).map { (now / day * day) + $0 }
        case 1: return date(words[0])
        case 2:
            guard let date = date(words[0]), let time = time(words[1]) else { return nil }
            return date + time
        default: return nil
        }
    }

    private static let day: Int64 = 86_400_000_000

    /// Microseconds of midnight.
    private static func date(_ text: String) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
        guard parts.count == 3, let year = parts[0], let month = parts[1], let date = parts[2],
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(date)
        else { return nil }
        // Days from the first of March of year 0, so that a leap day is the last of its year.
        let shifted = month > 2 ? year : year - 1
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + date - 1
        let era = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400
        return (era + ofYear - 719_468) * day
    }

    /// Microseconds since midnight.
    private static func time(_ text: String) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), let hour = Int64(parts[0]), let minute = Int64(parts[1]),
            let second = parts.count == 3 ? Double(parts[2]) : 0, (0..<24).contains(hour), (0..<60).contains(minute),
            (0..<61).contains(second)
        else { return nil }
        return (hour * 60 + minute) * 60_000_000 + Int64((second * 1e6).rounded())
    }
}
