import ArgumentParser
import SecamBase
import SecamWire

struct TimelineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "timeline", abstract: "Show one day of a camera's recordings as a line of text.",
        discussion:
            "Each character is a quarter of an hour in UTC: . nothing, - recorded, # motion, ! frames missing.")

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>

    @Argument(help: "Camera name.")
    var camera: String

    @Option(help: ArgumentHelp("Day in UTC, such as 2026-01-31. (default: today)", valueName: "date"))
    var day: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let name = try cameraName(camera)
            let start =
                try day.map { text throws(ClientError) in
                    guard let start = UTCText.microseconds(date: text) else {
                        throw ClientError.badOption(option: "--day", value: text, expected: "a day such as 2026-01-31")
                    }
                    return start
                } ?? WallClock.now / WallClock.day * WallClock.day
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), showMessage: StandardError.line)
            let result = try login.run { (login) throws(ClientError) in
                let client = try PlaybackClient(login)
                defer { client.stop() }
                return try client.find(.all, of: [name], from: start, to: start + WallClock.day)
            }
            let timeline = Timeline(result, start: start)
            try StandardOutput.printLine(json ? timeline.json(name) : timeline.text(name))
        }
    }
}

/// One day of recordings and motion events, in quarters of an hour.
struct Timeline: Equatable {
    static let quarters = 96
    private static let quarter = WallClock.day / Int64(quarters)

    enum Mark: Character {
        case nothing = "."
        case recorded = "-"
        case motion = "#"
        case missing = "!"
    }

    let marks: [Mark]
    private let start: Int64

    init(_ result: PlaybackClient.SearchResult, start: Int64) {
        self.start = start
        var marks = [Mark](repeating: .nothing, count: Self.quarters)
        func mark(_ from: Int64, _ to: Int64, _ mark: Mark) {
            let first = max(0, (from - start) / Self.quarter)
            let last = min(Int64(Self.quarters) - 1, (to - start) / Self.quarter)
            guard first <= last else { return }
            for index in Int(first)...Int(last) { marks[index] = mark }
        }
        for part in result.recordings { mark(part.recording.start, part.recording.end, .recorded) }
        for happened in result.events where happened.event.kind == .motion {
            mark(happened.event.start, happened.event.last, .motion)
        }
        // Last, since a missing frame outweighs recordings and events.
        for gap in result.gaps { mark(gap.start, gap.end, .missing) }
        self.marks = marks
    }

    func text(_ camera: Name) -> String {
        let hours = stride(from: 0, to: 24, by: 3).map { hour in
            let text = "\(hour):00"
            return text + String(repeating: " ", count: 12 - text.count)
        }
        return "\(camera)  \(UTC.dateAndTime(start).prefix(10))\n" + hours.joined() + "\n"
            + String(marks.map(\.rawValue))
    }

    func json(_ camera: Name) -> String {
        JSONText.object([
            ("camera", JSONText.string(camera.text)), ("start_us", "\(start)"),
            ("quarters", JSONText.string(String(marks.map(\.rawValue)))),
        ])
    }
}
