import SecamJPEG
import SecamWire

/// Pictures for an emulated camera: from a video, or made up.
struct Footage: Sendable {
    /// Pictures in a file: enough for every buffer of a device, few enough to stay in memory.
    static let pictureCount = 30

    let width: Int
    let height: Int
    let path: String

    /// YUYV pictures one after the other.
    ///
    /// - Parameter video: a file with pictures; without one ffmpeg makes some up, with movement and noise.
    static func raw(_ bench: BenchContext, width: Int, height: Int, video: String?) async throws -> Footage {
        guard let ffmpeg = BenchProgram.find("ffmpeg") else {
            throw BenchFailure("ffmpeg is not installed, which makes the pictures")
        }
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

    /// The same pictures as JPEGs one after the other, each with its index stamped into it.
    func jpegs(_ bench: BenchContext, quality: Int) throws -> Footage {
        let size = width * height * 2
        let bytes = try FileBytes.read(path)
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
        try FileBytes.write(file, to: target)
        return Footage(width: width, height: height, path: target)
    }
}

/// When an emulated camera took its frames.
struct FrameClock {
    /// CLOCK_MONOTONIC nanoseconds.
    private let start: Int64
    private let framesPerSecond: Int64

    /// From what the emulator logged at the last start of the stream:
    /// `v4l2-shim: /dev/video0: stream begins at 1234.567890, 30 fps`.
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

    /// The first frame, number 0, is there one interval after the start.
    func time(of frame: Int64) -> Int64 { start + (frame + 1) * 1_000_000_000 / framesPerSecond }

    /// Microseconds from the capture of a frame to its reception.
    ///
    /// - Parameter cycle: pictures after which the numbers begin again; `nil` when they go on.
    func latency(of stamp: LoadReport.Stamp, cycle: Int64?) -> Int64 {
        var frame = Int64(stamp.number)
        if let cycle {
            // The last frame with that number which was there when it was received.
            let newest = (stamp.received - start) * framesPerSecond / 1_000_000_000 - 1
            frame = newest - ((newest - frame) % cycle + cycle) % cycle
        }
        return (stamp.received - time(of: frame)) / 1000
    }
}
