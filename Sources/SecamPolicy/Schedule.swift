/// A weekly schedule: spans of days and times of day, such as `mon-fri 18:00-08:00` or `sat,sun`.
struct Schedule: Sendable, Hashable {
    private struct Span: Sendable, Hashable {
        /// The days on which the span begins; 0 for Monday.
        let days: Set<Int>
        /// Minutes since midnight. A span whose end is not after its start ends on the next day.
        let from: Int
        let to: Int

        func contains(_ time: LocalTime) -> Bool {
            if from < to { return days.contains(time.weekday) && (from..<to).contains(time.minute) }
            if days.contains(time.weekday), time.minute >= from { return true }
            return days.contains((time.weekday + 6) % 7) && time.minute < to
        }
    }

    /// The form of a span, for errors.
    static let expected = "days, times or both, such as 'mon-fri 18:00-08:00', 'sat,sun' or '22:00-06:00'"
    private static let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    private static let day = 24 * 60

    private let spans: [Span]

    /// Parses the spans; `nil` when one is invalid.
    init?(_ spans: [String]) {
        var parsed: [Span] = []
        for text in spans {
            guard let span = Schedule.span(text) else { return nil }
            parsed.append(span)
        }
        self.spans = parsed
    }

    func contains(_ time: LocalTime) -> Bool { spans.contains { $0.contains(time) } }

    private static func span(_ text: String) -> Span? {
        let words = text.lowercased().split(separator: " ").map(String.init)
        var days: Set<Int>?
        var times: (Int, Int)?
        for word in words {
            if word.contains(":") {
                guard times == nil, let parsed = self.times(word) else { return nil }
                times = parsed
            } else {
                guard days == nil, times == nil, let parsed = self.days(word) else { return nil }
                days = parsed
            }
        }
        guard days != nil || times != nil else { return nil }
        let (from, to) = times ?? (0, day)
        return Span(days: days ?? Set(0..<7), from: from, to: to)
    }

    private static func days(_ text: String) -> Set<Int>? {
        var days: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map {
                names.firstIndex(of: String($0))
            }
            switch ends.count {
            case 1:
                guard let day = ends[0] else { return nil }
                days.insert(day)
            case 2:
                guard let first = ends[0], let last = ends[1] else { return nil }
                var day = first
                days.insert(day)
                while day != last {
                    day = (day + 1) % 7
                    days.insert(day)
                }
            default: return nil
            }
        }
        return days
    }

    private static func times(_ text: String) -> (Int, Int)? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { minute(String($0)) }
        guard ends.count == 2, let from = ends[0], let to = ends[1], from < day, from != to else { return nil }
        return (from, to)
    }

    private static func minute(_ text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count <= 2, parts[1].count == 2, let hour = Int(parts[0]),
            let minute = Int(parts[1]), (0...24).contains(hour), (0..<60).contains(minute),
            hour * 60 + minute <= day
        else { return nil }
        return hour * 60 + minute
    }
}
