import ArgumentParser
import SecamConfig
import SecamMotionDetector

/// `secam bench motion`: what the detector alone costs.
struct MotionBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "motion", abstract: "Microseconds of the motion detector for one map, on one core.")
    @Option(help: "How many maps of each size are looked at.") var maps = 1000

    func validate() throws {
        guard (10...1_000_000).contains(maps) else {
            throw ValidationError("--maps is \(maps); it must be 10 to 1000000")
        }
    }

    func run() async throws {
        await reportingErrors {
            for (width, height) in [(320, 180), (240, 135), (160, 120)] {
                let time = try DetectorBenchmark(width: width, height: height).run(maps: maps)
                let microseconds = time / .microseconds(1)
                StandardOutput.print("\(width)x\(height)  \(JSONText.number(microseconds, digits: 1)) µs a map\n")
            }
        }
    }
}

/// A noisy wall past which a figure walks.
struct DetectorBenchmark {
    /// Maps that are made before, and shown over and over.
    private static let prepared = 50
    private let width: Int
    private let height: Int
    private var maps: [[UInt8]] = []

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        var random = SystemRandomNumberGenerator()
        for number in 0..<Self.prepared {
            var map: [UInt8] = []
            for index in 0..<width * height {
                let brick = (index % width / 12 * 7 + index / width / 6 * 13) % 5
                map.append(UInt8(90 + brick * 10 + Int(random.next() % 5)))
            }
            let left = number * (width - 10) / Self.prepared
            for y in height / 3..<height * 2 / 3 { for x in left..<left + 10 { map[y * width + x] = 30 } }
            maps.append(map)
        }
    }

    /// - Returns: the mean time of a map.
    func run(maps count: Int) throws -> Duration {
        var detector = MotionDetector()
        let start = ContinuousClock.now
        for number in 0..<count {
            let map = maps[number % Self.prepared]
            _ = try detector.process(
                map.span, width: width, height: height,
                timestampMicroseconds: Int64(number) * 100_000)
        }
        return (ContinuousClock.now - start) / count
    }
}
