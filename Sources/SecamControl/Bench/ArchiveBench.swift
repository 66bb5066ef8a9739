import ArgumentParser
import SecamConfig
import SecamRecording
import SecamWire
import ServiceLifecycle

/// `secam bench archive`: what recording costs, and how soon it is found again.
struct ArchiveBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Processor time and memory of recording, and how soon recordings are found.",
        discussion: """
            Records 1, 2 and 4 cameras that give JPEGs of 1280x720 at 30 frames a second, made by ffmpeg, then looks \
            for recordings in an index of a million of them. Takes about two minutes.
            """)

    @Option(help: "Recordings in the index.") var segments = 1_000_000

    func validate() throws {
        guard (1000...10_000_000).contains(segments) else {
            throw ValidationError("--segments is \(segments); it must be 1000 to 10000000")
        }
    }

    func run() async throws {
        await ServiceProcess.main("secam bench archive") { ArchiveBench(segments: segments) }
    }
}

struct ArchiveBench: Service {
    let segments: Int

    private static let cameras = [1, 2, 4]
    /// Seconds.
    private static let interval = 10.0

    func run() async throws {
        let scratch = try ScratchFolder()
        defer { scratch.remove() }
        let errors = try DivertedErrors(to: "\(scratch.path)/services.log")
        defer { errors.end() }
        let bench = BenchContext(
            scratch: scratch.path, isQuick: false, deadline: MonotonicTime.now.advanced(byMicroseconds: 300_000_000),
            say: { errors.say($0) })
        do {
            try await cancelWhenGracefulShutdown {
                let film = try await film(bench)
                for count in Self.cameras { StandardOutput.print(try await record(bench, film, count)) }
                StandardOutput.print(try await look(bench))
            }
        } catch is CancellationError {
            // Ended by a signal.
        } catch {
            errors.showLog()
            throw error
        }
    }

    /// A film that is passed through undecoded, as a webcam's own JPEGs are.
    private func film(_ bench: BenchContext) async throws -> String {
        guard let ffmpeg = BenchProgram.find("ffmpeg") else {
            throw BenchFailure("ffmpeg is not installed, which makes the pictures")
        }
        let path = "\(bench.scratch)/film.mkv"
        _ = try await BenchProgram.output(
            of: ffmpeg,
            [
                "-v", "error", "-nostdin", "-f", "lavfi", "-i", "mandelbrot=size=1280x720:rate=30", "-vf",
                "noise=alls=6:allf=t,format=yuvj420p", "-frames:v", "60", "-c:v", "mjpeg", "-q:v", "5", path,
            ])
        return path
    }

    private func record(_ bench: BenchContext, _ film: String, _ count: Int) async throws -> String {
        let plans = try (1...count).map {
            ServiceSetPlan.CameraPlan(name: try Name("camera-\($0)"), source: "file:\(film)")
        }
        let folder = "\(bench.scratch)/recordings-\(count)"
        return try await BenchSet.run(bench, cameras: plans, recordings: folder) { set in
            // The registry gives cameras out four seconds after its start.
            try await bench.sleep(7)
            let (before, recordedBefore) = (CostReading(set.services), try await Self.recorded(set))
            try await bench.sleep(Self.interval)
            let (after, recorded) = (CostReading(set.services), try await Self.recorded(set))
            let seconds = after.seconds(since: before)
            let percent = try after.percent(of: "archive", since: before)
            let memory = set.services.first { $0.name == "archive" }.flatMap {
                ProcessCost.residentBytes(of: $0.process)
            }
            let frames = Double(recorded.frames - recordedBefore.frames) / seconds / Double(count)
            let rate = Double(recorded.bytes - recordedBefore.bytes) / seconds / 1e6
            return "\(count) cameras  \(JSONText.number(percent / Double(count), digits: 2)) % of a core a camera, "
                + "\(JSONText.number(Double(memory ?? 0) / 1e6, digits: 0)) MB; "
                + "\(JSONText.number(frames, digits: 1)) fps a camera, \(JSONText.number(rate, digits: 1)) MB/s in all\n"
        }
    }

    private static func recorded(_ set: BenchSet) async throws -> (frames: UInt64, bytes: UInt64) {
        let members = try await set.status().members
        guard let archive = members.first(where: { $0.role == .archive }) else {
            throw BenchFailure("the archive is gone")
        }
        return (archive[.framesRecorded], archive[.bytesRecorded])
    }

    private func look(_ bench: BenchContext) async throws -> String {
        bench.say("an index of \(segments) recordings")
        let index = try RecordingIndex(RecordingFolder("\(bench.scratch)/large"))
        let camera = try Name("camera-1")
        // Minutes without a pause; the last day has 1440 of them.
        try index.fill(camera: camera, segments: segments)
        let start = ContinuousClock.now
        let day = Int64(segments) * 60_000_000 - 86_400_000_000
        let found = try index.segments(of: camera, from: day, to: .max).count
        let listing = (ContinuousClock.now - start) / .milliseconds(1)
        return "\(segments) recordings  a day of \(found) is listed in \(JSONText.number(listing, digits: 1)) ms\n"
    }
}
