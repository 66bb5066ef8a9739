import SecamJPEG
import SecamWire

/// A file of pictures for an emulated camera, from a video or generated.
struct Footage: Sendable {
    /// Pictures in a file: enough for all buffers of a device, and few enough to stay in memory.
    static let pictureCount = 30

    let width: Int
    let height: Int
    let path: String

    /// Writes successive YUYV pictures.
    ///
    /// - Parameter video: a video file; without it, ffmpeg generates pictures with motion and noise.
    static func raw(_ bench: BenchContext, width: Int, height: Int, video: String?) async throws -> Footage {
        let ffmpeg = try BenchProgram.require("ffmpeg")
        let path = "\(bench.scratch)/\(width)x\(height).yuyv"
        let input =
            video.map { ["-i", $0] } ?? ["-f", "lavfi", "-i", "mandelbrot=size=\(width)x\(height):rate=30"]
        let noise = video == nil ? ",noise=alls=6:allf=t" : ""
        _ = try await BenchProgram.output(
            of: ffmpeg,
            ["-v", "error", "-nostdin", "-y"] + input + [
                "-vf", "scale=\(width):\(height)\(noise)", "-pix_fmt", "yuyv422", "-frames:v", "\(pictureCount)", "-f",
                "rawvideo", path,
            ])
        return Footage(width: width, height: height, path: path)
    }

    /// Writes the same pictures as successive JPEGs, each stamped with its index.
    func jpegs(_ bench: BenchContext, quality: Int) throws -> Footage {
        let size = width * height * 2
        let bytes = try BenchFiles.read(path)
        var encoder = try JPEGEncoder()
        var file: [UInt8] = []
        for index in 0..<bytes.count / size {
            var picture = Array(bytes[index * size..<(index + 1) * size])
            PictureStamp.write(UInt32(index), intoYUYV: &picture, width: width)
            file += try encoder.encode(
                picture.span, format: .yuyv, width: width, height: height, quality: quality
            ) { [UInt8](copying: $0) }
        }
        let target = "\(bench.scratch)/\(width)x\(height).mjpeg"
        try BenchFiles.write(file, to: target)
        return Footage(width: width, height: height, path: target)
    }
}

/// The capture times of an emulated camera's frames.
struct FrameClock {
    /// Start of the stream, CLOCK_MONOTONIC nanoseconds.
    private let start: Int64
    private let framesPerSecond: Int64

    /// Parses the emulator's last log line of the form `v4l2-shim: /dev/video0: stream begins at 1234.567890, 30 fps`.
    init?(log: String) {
        guard
            let line = log.split(separator: "\n").last(where: { $0.contains(": stream begins at ") }),
            let numbers = line.split(separator: " ").last(where: { $0.hasSuffix(",") })?.dropLast(),
            let seconds = Double(numbers), let rate = line.split(separator: " ").dropLast().last.flatMap({ Int64($0) }),
            rate > 0
        else { return nil }
        start = Int64((seconds * 1e9).rounded())
        framesPerSecond = rate
    }

    /// Returns the capture time of a frame. Frame 0 is captured one interval after the start.
    func time(of frame: Int64) -> Int64 { start + (frame + 1) * 1_000_000_000 / framesPerSecond }

    /// Returns the time from the capture of a frame to its reception, in microseconds.
    ///
    /// - Parameter cycle: number of pictures after which the numbers repeat; `nil` when they do not repeat.
    func latency(of stamp: LoadReport.Stamp, cycle: Int64?) -> Int64 {
        var frame = Int64(stamp.number)
        if let cycle {
            // The newest frame with this number that was captured before the reception.
            let newest = (stamp.received - start) * framesPerSecond / 1_000_000_000 - 1
            frame = newest - ((newest - frame) % cycle + cycle) % cycle
        }
        return (stamp.received - time(of: frame)) / 1000
    }
}
