import ArgumentParser
import Glibc
import SecamBase
import SecamMotionDetector
import SecamProcess

/// `secam motion-test`: runs the motion detector on recorded footage.
struct MotionTestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "motion-test", abstract: "Run the motion detector on video files.",
        discussion: """
            Prints the events of each file. --jsonl writes a line for each frame (sequence, frame, motion, boxes in \
            pixels of the full frame) and for each change of an event; sequence is the file name without its extension. \
            --picture writes a video with boxes and the detector's view, to tune the settings.
            """)

    @Argument(help: "Video files.") var files: [String]
    @Option(help: "File for JSON lines; - for standard output.") var jsonl: String?
    @Option(help: "File for a Matroska video (.mkv) with boxes and the detector's view; for one video file only.")
    var picture: String?
    @Option(help: "Sensitivity, 1 to 100.") var sensitivity = MotionSettings.standard.sensitivity
    @Option(help: "Smallest object to report, percent of the picture.")
    var smallest = MotionSettings.standard.smallestObjectPercent
    @Option(
        help:
            "Zone to watch, as corners x,y from 0 to 1: '0,0.5 1,0.5 1,1 0,1'. Repeatable. (default: the whole picture)"
    )
    var watch: [String] = []
    @Option(help: "Zone to ignore, in the same format. Repeatable.") var ignore: [String] = []
    @Option(help: "Maximum rate of analysed frames, frames per second.") var mapsPerSecond = MotionTest.mapsPerSecond

    func validate() throws {
        if files.isEmpty { throw ValidationError("give at least one video file") }
        guard mapsPerSecond > 0, mapsPerSecond <= 120 else {
            throw ValidationError("--maps-per-second \(mapsPerSecond): expected a number above 0, up to 120")
        }
        guard let picture else { return }
        guard picture.hasSuffix(".mkv") else { throw ValidationError("--picture '\(picture)': expected a .mkv file") }
        guard files.count == 1 else {
            throw ValidationError("--picture is for one video file; \(files.count) are given")
        }
    }

    func run() async throws {
        await reportingErrors {
            let settings = try MotionSettings(
                sensitivity: sensitivity, smallestObjectPercent: smallest,
                zones: try watch.map { try Self.zone(.watch, $0) } + ignore.map { try Self.zone(.ignore, $0) })
            let output = try jsonl.map(LineFile.init)
            for file in files { try test(file, settings, output) }
            try output?.flush()
        }
    }

    private func test(_ file: String, _ settings: MotionSettings, _ output: LineFile?) throws {
        let lines = MotionLines(file: file)
        let video = try picture.map { try MotionPicture(path: $0) }
        let footage = try LumaFootage(path: file)
        try output?.write(lines.header)
        let unfinished = try MotionTest.run(
            footage, settings: settings, mapsPerSecond: mapsPerSecond, picture: video
        ) { result in
            try output?.write(lines.line(result))
            if let transition = result.transition { try report(transition, lines, output) }
        }
        if let unfinished { try report(unfinished, lines, output) }
        try video?.finish()
    }

    private func report(_ transition: MotionTransition, _ lines: MotionLines, _ output: LineFile?) throws {
        try output?.write(lines.line(transition))
        if case .end(let event) = transition, jsonl != "-" { StandardOutput.print(lines.summary(event)) }
    }

    /// Parses `x,y x,y x,y`.
    static func zone(_ kind: MotionZone.Kind, _ text: String) throws -> MotionZone {
        let points = try text.split(separator: " ").map { corner in
            let numbers = corner.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
            guard numbers.count == 2, let x = numbers[0], let y = numbers[1] else {
                throw CommandError("corner '\(corner)' of a zone: expected x,y")
            }
            return MotionZone.Point(x: x, y: y)
        }
        return try MotionZone(kind, points)
    }
}

/// A buffered text file of lines; `-` is standard output.
private final class LineFile {
    /// Bytes.
    private static let bufferSize = 1 << 16
    private let path: String
    private let descriptor: CInt
    private var waiting = ""

    init(_ path: String) throws {
        self.path = path
        descriptor =
            unsafe path == "-" ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        if descriptor < 0 { throw failure(.last) }
    }

    deinit {
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    func write(_ line: String) throws {
        waiting += line + "\n"
        if waiting.utf8.count >= Self.bufferSize { try flush() }
    }

    func flush() throws {
        let bytes = Array(waiting.utf8)
        waiting = ""
        do throws(SystemError) { try FileBytes.write(bytes, to: descriptor) } catch { throw failure(error) }
    }

    private func failure(_ error: SystemError) -> CommandError {
        CommandError("cannot write \(path): \(error)", .cannotCreate)
    }
}
