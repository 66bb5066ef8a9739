import ArgumentParser
import SecamBase
import SecamControl
import SecamMotionDetector
import SecamProcess
import SecamWire
import ServiceLifecycle

/// `secam bench motion`: measures the motion detector alone, and the whole motion service.
struct MotionBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "motion",
        abstract: "Measure the motion detector alone, and the whole motion service.",
        discussion: """
            Prints the processor time for one luma map. The service watches 1, 4 and 16 test pictures of 1280x720, for up \
            to a minute in all.
            """)
    @Option(help: "Number of luma maps of each size for the detector, 10 to 1000000.") var maps = 1000

    func validate() throws {
        guard (10...1_000_000).contains(maps) else {
            throw ValidationError("--maps \(maps): expected 10 to 1000000")
        }
    }

    func run() async throws {
        await ServiceProcess.main("secam bench motion") { MotionBench(maps: maps) }
    }
}

struct MotionBench: Service {
    let maps: Int

    private static let cameras = [1, 4, 16]
    /// Each camera sends ten maps a second.
    private static let interval: Duration = .seconds(8)
    private static let timeLimit: Duration = .seconds(120)

    func run() async throws {
        try benchDetector()
        try await BenchContext.run(timeLimit: Self.timeLimit) { bench in
            for count in Self.cameras { StandardOutput.print(try await benchService(bench, count)) }
        }
    }

    /// - Returns: a line of text.
    private func benchService(_ bench: BenchContext, _ count: Int) async throws -> String {
        let plans = try (1...count).map {
            ServiceSetPlan.CameraPlan(name: try Name("camera-\($0)"), source: "test:1280x720@10")
        }
        return try await BenchSet.run(bench, cameras: plans, motion: 1) { set in
            // The registry assigns cameras four seconds after its start, and the detector learns from the first maps.
            try await bench.sleep(.seconds(7))
            let (before, mapsBefore) = (CostReading(set.services), try await MotionBench.maps(set))
            try await bench.sleep(Self.interval)
            let (after, mapsAfter) = (CostReading(set.services), try await MotionBench.maps(set))
            let maps = mapsAfter.maps - mapsBefore.maps
            let detecting = mapsAfter.microseconds - mapsBefore.microseconds
            guard maps > 0 else { throw BenchFailure("the motion service received no luma map") }
            let microseconds = try after.nanoseconds(of: "motion", since: before) / 1000
            let percent = try after.percent(of: "motion", since: before)
            return "\(count) cameras  \(JSONText.number(microseconds / Double(maps), digits: 0)) µs a map in the whole "
                + "service, \(JSONText.number(Double(detecting) / Double(maps), digits: 0)) of them in the detector; "
                + "\(JSONText.number(percent, digits: 2)) % of a core\n"
        }
    }

    /// Returns the number of maps so far, and the detector's processor time for them.
    private static func maps(_ set: BenchSet) async throws -> (maps: UInt64, microseconds: UInt64) {
        let members = try await set.status().members
        guard let motion = members.first(where: { $0.role == .motion }) else {
            throw BenchFailure("the motion service is not running")
        }
        return (motion[.framesReceived], motion[.detectMicroseconds])
    }

    private func benchDetector() throws {
        for (width, height) in [(320, 180), (240, 135), (160, 120)] {
            let time = try DetectorBenchmark(width: width, height: height).run(maps: maps)
            let microseconds = time / .microseconds(1)
            StandardOutput.print("\(width)x\(height)  \(JSONText.number(microseconds, digits: 1)) µs a map\n")
        }
    }
}

/// The motion detector on a scene of a figure that walks past a noisy wall.
struct DetectorBenchmark {
    /// Prepared maps, which repeat.
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

    /// Returns the mean time for one map.
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
