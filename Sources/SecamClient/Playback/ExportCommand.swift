import ArgumentParser
import Glibc
import SecamBase
import SecamWire

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Save an exact copy of a time range of recordings.",
        discussion: """
            The file contains the recorded frames unchanged, with their times. When the connection is lost, the export \
            reconnects and continues.
            """)

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>
    @OptionGroup var range: RangeOptions

    @Argument(help: "Camera name.")
    var camera: String

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "File to write: .mkv, or .mp4 for players without Matroska support.", valueName: "file"))
    var output: String

    @Flag(help: "Overwrite an existing file.")
    var force = false

    /// Connection attempts without a new frame.
    private static let retryLimit = 10
    private static let retryInterval: Duration = .seconds(1)

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let name = try cameraName(camera)
            guard range.from != nil, range.to != nil else {
                throw .usage("export needs --from and --to; see 'secam-view recordings \(name)'")
            }
            let (from, to) = try range.range(orFrom: 0, to: .max)
            if !force, FileIO.exists(output) { throw .fileExists(path: output) }
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), showMessage: StandardError.line)
            try login.run { (login) throws(ClientError) in try export(name, from, to, login) }
        }
    }

    private func export(_ name: Name, _ from: Int64, _ to: Int64, _ login: GatewayLogin) throws(ClientError) {
        var client = try PlaybackClient(login)
        defer { client.stop() }
        var file: ExportedFile?
        var isPartial = false
        // The first list, so that recordings that are removed meanwhile count as missing.
        var listed: [FoundRecording] = []
        var gaps: [FoundGap] = []
        var retriesLeft = Self.retryLimit
        while true {
            do throws(ClientError) {
                // Queried again after each lost connection, since the archives that answer may have changed.
                let found = try client.find([.recordings, .gaps], of: [name], from: from, to: to)
                isPartial = found.isPartial
                gaps = found.gaps
                if file == nil { listed = found.recordings.map(\.recording) }
                let start = file?.last.map { ReplayPlan.resumption(found.recordings, after: $0) } ?? from
                let plan = ReplayPlan(found.recordings, from: max(from, start), to: to)
                if file == nil {
                    guard !plan.runs.isEmpty else { throw .nothingRecorded(camera: name, from: from, to: to) }
                    file = ExportedFile(
                        file: try RecordingFile(path: output, title: name.text, replacing: force), from: from, to: to,
                        bar: ProgressBar())
                }
                try client.replay(plan, of: name) { frame throws(ClientError) in
                    try file?.append(frame)
                    retriesLeft = Self.retryLimit
                    return true
                }
                break
            } catch {
                guard error.isTemporary, retriesLeft > 0 else { throw try file?.close(after: error) ?? error }
                client.stop()
                client = try reconnect(login, &retriesLeft, error)
            }
        }
        guard let summary = try file?.finish(), summary.frames > 0 else {
            throw .nothingRecorded(camera: name, from: from, to: to)
        }
        let files = summary.paths.joined(separator: ", ")
        guard !isPartial else { throw .incomplete(path: files, frames: summary.frames) }
        // An open recording has more frames by now than in the list.
        let holes = summary.check.holes(in: listed.filter { !$0.open }, from: from, to: to)
        guard holes.isEmpty else {
            throw .holes(path: files, frames: summary.frames, holes: holes.map(Self.text))
        }
        StandardError.line("saved \(summary.frames) frames in \(files)")
        if let missing = MissingFrames(gaps) {
            StandardError.line("in the recordings, \(missing); see 'secam-view recordings \(name) --json'")
        }
        if summary.passes > 1 {
            StandardError.line(
                "a clock was set back: part of this time was recorded \(summary.passes) times, and all of it is saved")
        }
    }

    private static func text(_ hole: ExportCheck.Hole) -> String {
        let span = "\(UTC.dateAndTime(hole.start)) to \(UTC.dateAndTime(hole.end))"
        return hole.frames.map { "\(span): \($0) frames" } ?? span
    }

    private func reconnect(
        _ login: GatewayLogin, _ retriesLeft: inout Int, _ reason: ClientError
    ) throws(ClientError) -> PlaybackClient {
        StandardError.line("\(reason); reconnecting")
        while true {
            retriesLeft -= 1
            usleep(UInt32(Self.retryInterval.microseconds))
            do {
                return try PlaybackClient(login)
            } catch {
                guard retriesLeft > 0 else { throw error }
            }
        }
    }
}

extension ClientError {
    /// Whether another attempt may succeed, such as after the restart of a service.
    fileprivate var isTemporary: Bool {
        switch self {
        case .connection, .unreachable, .archiveGone, .noAnswer: true
        default: false
        }
    }
}

/// The file of an export, with its progress and its check.
private struct ExportedFile: ~Copyable {
    private var file: RecordingFile
    private let from: Int64
    private let to: Int64
    private var bar: ProgressBar
    /// Time of the last frame, UTC microseconds.
    private(set) var last: Int64?
    private var seen = FrameSet()
    private var check = ExportCheck()
    private var frames = 0
    private var bytes = 0
    /// Passes through the time range; more than one when a clock was set back.
    private var passes = 1

    init(file: consuming RecordingFile, from: Int64, to: Int64, bar: ProgressBar) {
        self.file = file
        self.from = from
        self.to = to
        self.bar = bar
    }

    mutating func append(_ frame: ReceivedFrame) throws(ClientError) {
        // A replay starts with the last picture before the range.
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

    /// Completes the file with the frames so far, and returns the error that ended the export.
    mutating func close(after error: ClientError) throws(ClientError) -> ClientError {
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

/// A progress bar on standard error. It shows nothing where standard error is not a terminal.
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
        StandardError.print("\r[\(bar)] \(percent) %  \(bytes >> 20) MiB ")
    }

    mutating func end() {
        if isTerminal, shown >= 0 { StandardError.print("\n") }
        shown = -1
    }
}
