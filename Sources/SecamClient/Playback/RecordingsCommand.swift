import ArgumentParser
import SecamBase
import SecamProcess
import SecamWire

struct RecordingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recordings", abstract: "List recordings, newest first.")

    @ParentCommand var parent: SecamView
    @OptionGroup var connection: ConnectionOptions<AfterCommand>
    @OptionGroup var range: RangeOptions

    @Argument(help: ArgumentHelp("Camera names. (default: all cameras)", valueName: "camera"))
    var cameras: [String] = []

    @Option(help: "Maximum number of files, and of gaps; the list says when there are older ones.")
    var limit = 100_000
    @Flag(help: "Print one JSON object with every file and gap.")
    var json = false

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit \(limit): expected 1 or more.") }
    }

    func run() throws {
        try SecamView.run { () throws(ClientError) in
            let names = try CameraNames.parse(cameras)
            let (from, to) = try range.range(orFrom: 0, to: .max)
            var login = try GatewayLogin(try LoginPlan(connection, parent.leading), showMessage: StandardError.line)
            let (result, cameras) = try login.run { (login) throws(ClientError) in
                let client = try PlaybackClient(login)
                defer { client.stop() }
                return (
                    try client.find([.recordings, .gaps], of: names, from: from, to: to, limit: limit), client.cameras
                )
            }
            let listed = cameras.filter { names.isEmpty || names.contains($0.name) }
            let before = result.since > from ? result.since : nil
            try StandardOutput.printLine(
                json
                    ? RecordingList.json(result, listed, before: before)
                    : RecordingList.table(result, listed, before: before))
        }
    }
}

/// The output of `secam-view recordings`.
enum RecordingList {
    /// The table joins files with a shorter pause between them to one line.
    private static let longestPause = Duration.seconds(2).microseconds

    /// - Parameters:
    ///   - cameras: the queried cameras that exist now.
    ///   - before: there are more recordings before this time, UTC microseconds; `nil` when the list is complete.
    static func json(
        _ result: PlaybackClient.SearchResult, _ cameras: [Cameras.Camera] = [], before: Int64? = nil
    ) -> String {
        let overlapping = overlapping(result.recordings.map(\.recording))
        let recordings = result.recordings.reversed().map { part in
            RecordingText.json(part.recording, isOverlapping: overlapping.contains(part.recording))
        }
        let gaps = result.gaps.reversed().map { RecordingText.json($0) }
        let states = cameras.map { camera in
            JSONText.object([
                ("name", JSONText.string(camera.name.text)), ("recording", JSONText.string("\(camera.recording)")),
            ])
        }
        return JSONText.object([
            ("recordings", JSONText.array(recordings)), ("gaps", JSONText.array(gaps)),
            ("cameras", JSONText.array(states)),
            ("more_before", before.map { JSONText.string(UTCText.iso(microseconds: $0)) } ?? "null"),
            ("more_before_us", before.map { "\($0)" } ?? "null"),
        ])
    }

    /// - Parameters:
    ///   - cameras: the queried cameras that exist now.
    ///   - before: there are more recordings before this time, UTC microseconds; `nil` when the list is complete.
    static func table(
        _ result: PlaybackClient.SearchResult, _ cameras: [Cameras.Camera] = [], before: Int64? = nil
    ) -> String {
        let problems = problems(of: cameras)
        let spans = joined(result.recordings.map(\.recording)).sorted {
            ($1.start, $0.camera) < ($0.start, $1.camera)
        }
        guard !spans.isEmpty else { return "No recordings found." + problems }
        let overlapping = overlapping(spans)
        let rows =
            [["CAMERA", "START", "END", "SECONDS", "FRAMES", "MIB", ""]]
            + spans.map { span in
                [
                    span.camera.text, UTC.dateAndTime(span.start), UTC.dateAndTime(span.end),
                    JSONText.number(Double(span.end - span.start) / 1e6, digits: 1), "\(span.frames)",
                    JSONText.number(Double(span.bytes) / Double(1 << 20), digits: 1),
                    [
                        span.protected ? "protected" : nil, span.open ? "being recorded" : nil,
                        overlapping.contains(span) ? "overlaps" : nil,
                    ].compactMap(\.self).joined(separator: ", "),
                ]
            }
        var note = MissingFrames(result.gaps).map { "\n\($0); see --json." } ?? ""
        if !overlapping.isEmpty {
            note +=
                "\nTimes of overlapping recordings were recorded more than once, such as when a clock was set back; "
            note += "play and export give all of them, one after the other."
        }
        if let before {
            let time = UTC.dateAndTime(before)
            note += "\nThere is more from before \(time): list it with --to '\(time)', or all at once with --limit."
        }
        return TextTable.text(rows) + note + problems
    }

    private static func problems(of cameras: [Cameras.Camera]) -> String {
        cameras.map { camera in
            switch camera.recording {
            case .stopped where camera.detail.isEmpty:
                "\n\(camera.name): RECORDING STOPPED; see the archive's log."
            case .stopped: "\n\(camera.name): RECORDING STOPPED; \(TerminalText.masked(camera.detail))"
            case .diskLow: "\n\(camera.name): the disk of its recordings is nearly full."
            case .off, .on: ""
            }
        }.joined()
    }

    /// Returns the recordings with successive files of a camera joined.
    static func joined(_ recordings: [FoundRecording]) -> [FoundRecording] {
        var spans: [FoundRecording] = []
        // Indices of the spans that the next file may extend: several where recordings overlap.
        var growing: [Int] = []
        for next in recordings.sorted(by: { ($0.camera, $0.start) < ($1.camera, $1.start) }) {
            growing.removeAll { spans[$0].camera != next.camera || spans[$0].end + longestPause < next.start }
            guard
                let index = growing.first(where: { index in
                    spans[index].end - longestPause <= next.start && spans[index].protected == next.protected
                })
            else {
                growing.append(spans.count)
                spans.append(next)
                continue
            }
            let last = spans[index]
            spans[index] = FoundRecording(
                start: last.start, end: max(last.end, next.end), bytes: last.bytes.addingSaturated(next.bytes),
                frames: last.frames.addingSaturated(next.frames), protected: last.protected, open: next.open,
                camera: next.camera)
        }
        return spans
    }

    /// Returns the recordings that overlap another one of the same camera by more than the inaccuracy of clocks.
    static func overlapping(_ recordings: [FoundRecording]) -> Set<FoundRecording> {
        var found: Set<FoundRecording> = []
        var longest: FoundRecording?
        for next in recordings.sorted(by: { ($0.camera, $0.start) < ($1.camera, $1.start) }) {
            if let before = longest, before.camera == next.camera {
                if before.end - next.start > longestPause {
                    found.insert(before)
                    found.insert(next)
                }
                if before.end >= next.end { continue }
            }
            longest = next
        }
        return found
    }
}
