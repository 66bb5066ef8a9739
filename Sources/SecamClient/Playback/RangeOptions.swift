import ArgumentParser
import SecamBase
import SecamWire

/// A time range.
struct RangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Start of the time range in UTC: '2026-01-31 18:00', '18:00', or an age such as '2h'.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("End of the time range, in the same formats.", valueName: "time"))
    var to: String?

    /// Returns the range in UTC microseconds.
    ///
    /// - Throws: `badOption`; `usage` when the range ends before it starts.
    func range(orFrom start: Int64, to end: Int64, now: Int64 = WallClock.now) throws(ClientError) -> (Int64, Int64) {
        let from = try from.map { text throws(ClientError) in try RangeOptions.time("--from", text, now) } ?? start
        let to = try to.map { text throws(ClientError) in try RangeOptions.time("--to", text, now) } ?? end
        guard from < to else {
            throw .usage(
                "--from \(UTC.dateAndTime(from)) is not before --to \(UTC.dateAndTime(to)); swap them")
        }
        return (from, to)
    }

    static func time(_ option: String, _ text: String, _ now: Int64 = WallClock.now) throws(ClientError) -> Int64 {
        guard let time = TimeArgument.parse(text, now: now) else {
            throw .badOption(option: option, value: text, expected: TimeArgument.expected)
        }
        return time
    }
}
