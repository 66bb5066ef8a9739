import ArgumentParser
import Logging
import SecamBase
import SecamControl
import SecamJPEG
import SecamProcess
import SecamRecording
import SecamWire
import ServiceLifecycle

/// `secam bench archive`: measures the cost of recording, and the speed of searching and compressing recordings.
struct ArchiveBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Measure recording, search and compression.",
        discussion: """
            Records 1, 2 and 4 cameras with JPEGs of 1280x720 at 30 fps, which ffmpeg makes, then searches an index of a \
            million recordings, and compresses one. Takes about two minutes.
            """)

    @Option(help: "Number of recordings in the index, 1000 to 10000000.") var segments = 1_000_000

    func validate() throws {
        guard (1000...10_000_000).contains(segments) else {
            throw ValidationError("--segments \(segments): expected 1000 to 10000000")
        }
    }

    func run() async throws {
        await ServiceProcess.main("secam bench archive") { ArchiveBench(segments: segments) }
    }
}

struct ArchiveBench: Service {
    let segments: Int

    private static let cameras = [1, 2, 4]
    private static let interval: Duration = .seconds(10)
    private static let timeLimit: Duration = .seconds(300)

    func run() async throws {
        try await BenchContext.run(timeLimit: Self.timeLimit) { bench in
            let video = try await makeVideo(bench)
            for count in Self.cameras { StandardOutput.print(try await record(bench, video, count)) }
            StandardOutput.print(try await measureSearch(bench))
        }
    }

    /// Returns the path of a Motion JPEG video, which cameras pass through like a webcam's own JPEGs.
    private func makeVideo(_ bench: BenchContext) async throws -> String {
        let ffmpeg = try BenchProgram.require("ffmpeg")
        let path = "\(bench.scratch)/film.mkv"
        _ = try await BenchProgram.output(
            of: ffmpeg,
            [
                "-v", "error", "-nostdin", "-f", "lavfi", "-i", "mandelbrot=size=1280x720:rate=30", "-vf",
                "noise=alls=6:allf=t,format=yuvj420p", "-frames:v", "60", "-c:v", "mjpeg", "-q:v", "5", path,
            ])
        return path
    }

    private func record(_ bench: BenchContext, _ video: String, _ count: Int) async throws -> String {
        let plans = try (1...count).map {
            ServiceSetPlan.CameraPlan(name: try Name("camera-\($0)"), source: "file:\(video)")
        }
        let folder = "\(bench.scratch)/recordings-\(count)"
        return try await BenchSet.run(bench, cameras: plans, recordings: folder) { set in
            // The registry assigns cameras four seconds after its start.
            try await bench.sleep(.seconds(7))
            let (before, recordedBefore) = (CostReading(set.services), try await Self.recorded(set))
            try await bench.sleep(Self.interval)
            let (after, recorded) = (CostReading(set.services), try await Self.recorded(set))
            let seconds = after.seconds(since: before)
            let percent = try after.percent(of: "archive", since: before)
            let archive = set.services.first { $0.name == "archive" }?.process
            let memory = archive.flatMap { ProcessCost.residentBytes(of: $0) }
            let own = archive.flatMap { ProcessCost.proportionalBytes(of: $0) }
            let frames = Double(recorded.frames - recordedBefore.frames) / seconds / Double(count)
            let rate = Double(recorded.bytes - recordedBefore.bytes) / seconds / 1e6
            return "\(count) cameras  \(JSONText.number(percent / Double(count), digits: 2)) % of a core a camera, "
                + "\(JSONText.number(Double(own ?? 0) / 1e6, digits: 0)) MB of its own, "
                + "\(JSONText.number(Double(memory ?? 0) / 1e6, digits: 0)) MB with what it shares; "
                + "\(JSONText.number(frames, digits: 1)) fps a camera, \(JSONText.number(rate, digits: 1)) MB/s in all\n"
        }
    }

    private static func recorded(_ set: BenchSet) async throws -> (frames: UInt64, bytes: UInt64) {
        let members = try await set.status().members
        guard let archive = members.first(where: { $0.role == .archive }) else {
            throw BenchFailure("the archive is not running")
        }
        return (archive[.framesRecorded], archive[.bytesRecorded])
    }

    private func measureSearch(_ bench: BenchContext) async throws -> String {
        bench.say("an index of \(segments) recordings")
        let index = try RecordingIndex(RecordingFolder("\(bench.scratch)/large"))
        let camera = try Name("camera-1")
        // One recording a minute without a pause, so the last day has 1440.
        try index.insertPlaceholders(of: camera, count: segments)
        let start = ContinuousClock.now
        let day = Int64(segments) * 60_000_000 - WallClock.day
        let found = try index.segments(of: camera, from: day, to: .max).count
        let listing = (ContinuousClock.now - start) / .milliseconds(1)
        let text = "\(segments) recordings  a day of \(found) is listed in \(JSONText.number(listing, digits: 1)) ms\n"
        return text + (try measureReplay(index, camera, at: Int64(segments) * 60_000_000))
    }

    /// Frames of the recording for replay and compression.
    private static let frames = 90

    private func measureReplay(_ index: RecordingIndex, _ camera: Name, at start: Int64) throws -> String {
        let quiet = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let store = try RecordingStore(
            index, writer: "bench", limits: StorageQuota(maximumBytes: nil, minimumFreeBytes: 0), logger: quiet)
        let recorder = try CameraRecorder(store, camera: camera)
        let pictures = try (0..<8).map(Self.picture)
        for number in 0..<Self.frames {
            let frame = Frame(
                flow: 1, rendition: .jpeg, format: .jpeg, incarnation: 1, sequence: UInt64(number + 1),
                timestamp: start + Int64(number) * 33_333, width: 1280, height: 720)
            let jpeg = pictures[number % pictures.count]
            _ = try unsafe recorder.append(frame, jpeg.span.bytes)
        }
        try recorder.cut()
        let beginning = ContinuousClock.now
        let middle = start + Int64(Self.frames / 2) * 33_333
        _ = try index.segments(of: camera, from: middle, to: middle + 6 * 3_600_000_000)
        let reader = RecordingReader(index, camera: camera, from: middle, to: .max, interval: .zero)
        guard try reader.next() != nil else { throw BenchFailure("the new recording has no readable frame") }
        let first = (ContinuousClock.now - beginning) / .milliseconds(1)

        let rule = Recording.Camera(
            mode: .continuous, codec: .h264, preRoll: 0, postRoll: 0, keep: 0, keepBytes: 0, thinAfter: 0,
            thinRate: 1000, camera: camera)
        guard let compression = try store.nextToCompress([rule]) else {
            throw BenchFailure("the store offers no recording to compress")
        }
        let began = ContinuousClock.now
        let outcome = compression.make { false }
        let each = (ContinuousClock.now - began) / .milliseconds(1) / Double(Self.frames)
        return "first frame of a replay at the archive, among them, after \(JSONText.number(first, digits: 1)) ms\n"
            + "H.264, 1280x720, one thread: \(JSONText.number(each, digits: 1)) ms a frame (\(outcome))\n"
    }

    /// Returns a JPEG with camera noise, whose pattern moves with the number.
    private static func picture(_ number: Int) throws -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        var pixels = [UInt8](repeating: 128, count: 1280 * 720 * 3 / 2)
        for row in 0..<720 {
            for column in 0..<1280 {
                let noise = UInt8(truncatingIfNeeded: random.next() & 7)
                pixels[row * 1280 + column] = UInt8((column + row + number * 8) / 16 % 200) + noise
            }
        }
        var encoder = try JPEGEncoder()
        return try encoder.encode(pixels.span, format: .i420, width: 1280, height: 720, quality: 80) {
            [UInt8](copying: $0)
        }
    }
}
