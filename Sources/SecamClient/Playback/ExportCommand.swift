import ArgumentParser
import Glibc
import SecamWire

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Saves a part of what was recorded as a film, unchanged.",
        discussion: """
            The frames are those that were recorded, byte for byte, with their times. A connection that is lost is made \
            anew, and the film goes on where it was.
            """)

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>
    @OptionGroup var range: RangeOptions

    @Argument(help: "The camera's name.")
    var camera: String

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "Where to, as clip.mkv, or clip.mp4 for programs that do not know Matroska.", valueName: "file"))
    var output: String

    @Flag(help: "Overwrite a file that exists.")
    var force = false

    /// Tries to connect anew, and seconds between them.
    private static let tries = 10
    private static let pause: UInt32 = 1

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let name = try cameraName(camera)
            guard range.from != nil, range.to != nil else {
                throw .contradiction("export needs --from and --to; see 'secam-view recordings \(name)'")
            }
            let (from, to) = try range.range(orFrom: 0, to: .max)
            if !force, FileIO.exists(output) { throw .fileExists(path: output) }
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), say: StandardError.line)
            try login.run { (login) throws(ClientError) in try export(name, from, to, login) }
        }
    }

    private func export(_ name: Name, _ from: Int64, _ to: Int64, _ login: GatewayLogin) throws(ClientError) {
        var client = try PlaybackClient(login)
        defer { client.stop() }
        var film: Film?
        var isPartial = false
        // As it was at first: what is let go meanwhile is missing.
        var listed: [Found.Recorded] = []
        var gaps: [Found.Missing] = []
        var left = Self.tries
        while true {
            do throws(ClientError) {
                // Asked anew after each loss: other archives may be there, and a gateway that was started anew knows
                // nothing of them before.
                let found = try client.find([.recordings, .gaps], of: [name], from: from, to: to)
                isPartial = found.isPartial
                gaps = found.gaps
                if film == nil { listed = found.recordings.map(\.recording) }
                let start = film?.last.map { ReplayPlan.resumption(found.recordings, after: $0) } ?? from
                let plan = ReplayPlan(found.recordings, from: max(from, start), to: to)
                if film == nil {
                    guard !plan.runs.isEmpty else { throw .nothingRecorded(camera: name, from: from, to: to) }
                    film = Film(
                        file: try RecordingFile(path: output, title: name.text, replacing: force), from: from, to: to,
                        bar: ProgressBar())
                }
                try client.replay(plan, of: name) { frame throws(ClientError) in
                    try film?.take(frame)
                    left = Self.tries
                    return true
                }
                break
            } catch {
                guard error.mayPass, left > 0 else { throw try film?.fail(error) ?? error }
                client.stop()
                client = try reconnect(login, &left, error)
            }
        }
        guard let summary = try film?.finish(), summary.frames > 0 else {
            throw .nothingRecorded(camera: name, from: from, to: to)
        }
        guard !isPartial else { throw .incomplete(path: output, frames: summary.frames) }
        // One that grows has more by now.
        let holes = summary.check.holes(in: listed.filter { !$0.open }, from: from, to: to)
        guard holes.isEmpty else {
            throw .holes(path: output, frames: summary.frames, holes: holes.map(Self.text))
        }
        StandardError.line("saved \(summary.frames) frames in \(summary.paths.joined(separator: ", "))")
        if let missing = MissingFrames(gaps) {
            StandardError.line("when this was recorded, \(missing); see 'secam-view recordings \(name) --json'")
        }
        if summary.passes > 1 {
            StandardError.line(
                "a clock was set back: some of this time was recorded \(summary.passes) times, and all of it is saved")
        }
    }

    private static func text(_ hole: ExportCheck.Hole) -> String {
        let span = "\(UTC.dateAndTime(hole.start)) to \(UTC.dateAndTime(hole.end))"
        return hole.frames.map { "\(span): \($0) frames" } ?? span
    }

    private func reconnect(
        _ login: GatewayLogin, _ left: inout Int, _ why: ClientError
    ) throws(ClientError) -> PlaybackClient {
        StandardError.line("\(why); trying again")
        while true {
            left -= 1
            sleep(Self.pause)
            do {
                return try PlaybackClient(login)
            } catch {
                guard left > 0 else { throw error }
            }
        }
    }
}

extension ClientError {
    /// Whether it may be otherwise in a moment, as when a service is started anew.
    fileprivate var mayPass: Bool {
        switch self {
        case .connection, .unreachable, .archiveGone, .noAnswer: true
        default: false
        }
    }
}

/// The film that is being saved.
private struct Film: ~Copyable {
    private var file: RecordingFile
    private let from: Int64
    private let to: Int64
    private var bar: ProgressBar
    /// UTC microseconds of the last frame.
    private(set) var last: Int64?
    private var seen = FrameSet()
    private var check = ExportCheck()
    private var frames = 0
    private var bytes = 0
    /// Through the time that was asked for; more than one when a clock was set back.
    private var passes = 1

    init(file: consuming RecordingFile, from: Int64, to: Int64, bar: ProgressBar) {
        self.file = file
        self.from = from
        self.to = to
        self.bar = bar
    }

    mutating func take(_ frame: ReceivedFrame) throws(ClientError) {
        // Exactly what was asked for: a replay begins with the picture that was there before.
        let time = frame.header.timestamp
        guard time >= from, time < to, seen.insert(frame.header) else { return }
        try file.write(frame)
        if let last, time < last { passes += 1 }
        last = time
        check.addFrame(at: time)
        frames += 1
        bytes += frame.payload.count
        bar.show(done: Double(time - from) / Double(to - from), bytes: bytes)
    }

    /// What has come is kept.
    mutating func fail(_ error: ClientError) throws(ClientError) -> ClientError {
        bar.end()
        try file.finish()
        return error
    }

    mutating func finish() throws(ClientError) -> (frames: Int, paths: [String], passes: Int, check: ExportCheck) {
        bar.end()
        try file.finish()
        return (frames, file.paths, passes, check)
    }
}

/// How far something has come, on a terminal; nothing elsewhere.
struct ProgressBar {
    private static let width = 40
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var shown = -1

    mutating func show(done: Double, bytes: Int) {
        let percent = Int((min(max(done, 0), 1) * 100).rounded())
        guard isTerminal, percent != shown else { return }
        shown = percent
        let full = percent * Self.width / 100
        let bar = String(repeating: "#", count: full) + String(repeating: ".", count: Self.width - full)
        StandardError.text("\r[\(bar)] \(percent) %  \(bytes >> 20) MiB ")
    }

    mutating func end() {
        if isTerminal, shown >= 0 { StandardError.text("\n") }
        shown = -1
    }
}
