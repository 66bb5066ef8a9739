import ArgumentParser
import SecamBase
import SecamWire

/// From when to when.
struct RangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "From this time in UTC, as '2026-01-31 18:00', '18:00' or '2h' for two hours ago.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("To this time, written in the same way.", valueName: "time"))
    var to: String?

    /// - Returns: UTC microseconds.
    /// - Throws: `badOption`, `contradiction` when it ends before it starts.
    func range(orFrom start: Int64, to end: Int64, now: Int64 = WallClock.now) throws(ClientError) -> (Int64, Int64) {
        let from = try from.map { text throws(ClientError) in try RangeOptions.time("--from", text, now) } ?? start
        let to = try to.map { text throws(ClientError) in try RangeOptions.time("--to", text, now) } ?? end
        guard from < to else {
            throw .contradiction(
                "--from \(UTC.dateAndTime(from)) is not before --to \(UTC.dateAndTime(to)); exchange them")
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
