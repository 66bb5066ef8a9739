import SecamControl
import SecamJPEG
import SecamWire

/// The time to encode a picture: in the service, in a loop over the same encoder, and in libjpeg-turbo's own benchmark.
enum EncodePart {
    private static let quality = 80

    /// Returns the encoders' mean time for one job between two readings, in microseconds; `nil` without jobs.
    static func microsecondsPerJob(from earlier: Status, to later: Status) -> Double? {
        func sum(_ status: Status, _ metric: Metric) -> UInt64 {
            status.members.filter { $0.role == .encode }.reduce(0) { $0 + $1[metric] }
        }
        let jobs = sum(later, .jobsDone) &- sum(earlier, .jobsDone)
        guard jobs > 0 else { return nil }
        return Double(sum(later, .encodeMicroseconds) &- sum(earlier, .encodeMicroseconds)) / Double(jobs)
    }

    /// - Parameter inService: the service's mean time for a job, in microseconds.
    static func run(
        _ bench: BenchContext, _ set: BenchSet, camera: String, inService: Double?
    ) async throws -> BenchReport.Part {
        var part = BenchReport.Part(
            "encode", "Encoding that picture at quality \(quality), one thread",
            [.init("what", "what"), .init("ms_per_frame", "ms a frame"), .init("speed", "of tjbench's speed")])
        let file = "\(bench.scratch)/picture.jpg"
        _ = try await BenchProgram.output(
            of: "\(SiblingPrograms.folder)/secam-view", ["snapshot", camera, "-o", file] + set.viewArguments,
            environment: ["SECAM_PASSWORD": set.password])
        let picture = try Picture(decoding: try BenchFiles.read(file))
        let looped = try picture.encodeLoop(seconds: bench.isQuick ? 0.5 : 2, quality: quality)
        var bare: Double?
        if let tjbench = BenchProgram.find("tjbench") {
            bare = try await runBare(tjbench, bench, picture)
        } else {
            part.notes.append("no comparison: tjbench is not installed (Debian: libjpeg-turbo-progs)")
        }
        func row(_ name: String, _ milliseconds: Double?) {
            let speed = bare.flatMap { bare in milliseconds.map { bare / $0 } }
            part.add([.text(name), .number(milliseconds, 3), .number(speed, 2)])
        }
        row("secam-encode, a job in the running set, elapsed time", inService.map { $0 / 1000 })
        row("secam's encoder in a loop, processor time", looped)
        row("tjbench, YUV 4:2:0 to JPEG in a loop", bare)
        part.notes.append("goal: at least 0.9 of tjbench's speed")
        return part
    }

    private static func runBare(_ tjbench: String, _ bench: BenchContext, _ picture: Picture) async throws -> Double {
        let file = "\(bench.scratch)/picture.ppm"
        try BenchFiles.write(picture.ppm, to: file)
        let seconds = bench.isQuick ? "0.5" : "2"
        let output = try await BenchProgram.output(
            of: tjbench,
            [
                file, "\(quality)", "-subsamp", "420", "-yuv", "-fastdct", "-componly", "-nowrite", "-benchtime",
                seconds, "-warmup", "0.2",
            ])
        guard let rate = frameRate(ofTjbench: output) else { throw BenchFailure("tjbench printed no frame rate") }
        return 1000 / rate
    }

    /// Parses the line `Comp from YUV --> Frame rate:         115.795548 fps`.
    static func frameRate(ofTjbench output: String) -> Double? {
        guard let line = output.split(separator: "\n").first(where: { $0.hasPrefix("Comp from YUV") }) else {
            return nil
        }
        let words = line.split(separator: " ")
        return words.last == "fps" && words.count > 1 ? Double(words[words.count - 2]) : nil
    }

    /// A decoded picture.
    private struct Picture {
        let width: Int
        let height: Int
        private let planes: [UInt8]
        private let pixels: [UInt8]

        init(decoding jpeg: [UInt8]) throws {
            var decoder = try JPEGDecoder()
            let header = try decoder.header(of: jpeg.span)
            (width, height) = (header.width, header.height)
            var planes = [UInt8](repeating: 0, count: PixelFormat.i420.byteCount(width: width, height: height)!)
            var planeTarget = planes.mutableSpan
            _ = try decoder.decodeI420(jpeg.span, into: &planeTarget)
            var pixels = [UInt8](repeating: 0, count: width * height * JPEGPixels.rgb.bytesPerPixel)
            var pixelTarget = pixels.mutableSpan
            _ = try decoder.decode(jpeg.span, as: .rgb, into: &pixelTarget)
            (self.planes, self.pixels) = (planes, pixels)
        }

        var ppm: [UInt8] { Array("P6\n\(width) \(height)\n255\n".utf8) + pixels }

        /// Returns the processor time for one picture, in milliseconds.
        func encodeLoop(seconds: Double, quality: Int) throws -> Double {
            var encoder = try JPEGEncoder()
            func encode() throws(JPEGError) -> Int {
                try encoder.encode(planes.span, format: .i420, width: width, height: height, quality: quality) {
                    $0.count
                }
            }
            for _ in 0..<5 { _ = try encode() }
            let start = MonotonicNanoseconds.ofThread.value
            var count = 0
            while Double(MonotonicNanoseconds.ofThread.value - start) < seconds * 1e9 {
                _ = try encode()
                count += 1
            }
            return Double(MonotonicNanoseconds.ofThread.value - start) / Double(count) / 1e6
        }
    }
}
