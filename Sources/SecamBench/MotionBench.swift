import ArgumentParser
import SecamBase
import SecamControl
import SecamMotionDetector
import SecamProcess
import SecamWire
import ServiceLifecycle

/// `secam bench motion`: what looking for motion costs, the detector alone and the whole service.
struct MotionBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "motion",
        abstract: "Microseconds of processor time for one map: the detector alone, and the whole service.",
        discussion: "The service watches 1, 4 and 16 made-up cameras of 1280x720, for up to a minute in all.")
    @Option(help: "How many maps of each size are looked at.") var maps = 1000

    func validate() throws {
        guard (10...1_000_000).contains(maps) else {
            throw ValidationError("--maps is \(maps); it must be 10 to 1000000")
        }
    }

    func run() async throws {
        await ServiceProcess.main("secam bench motion") { MotionBench(maps: maps) }
    }
}

struct MotionBench: Service {
    let maps: Int

    private static let cameras = [1, 4, 16]
    /// Seconds; a camera gives ten maps in each.
    private static let interval = 8.0

    func run() async throws {
        try benchDetector()
        let scratch = try BenchFolder()
        defer { scratch.remove() }
        let errors = try DivertedErrors(to: "\(scratch.path)/services.log")
        defer { errors.end() }
        let bench = BenchContext(
            scratch: scratch.path, isQuick: false, deadline: MonotonicTime.now.advanced(byMicroseconds: 120_000_000),
            say: { errors.say($0) })
        do {
            try await cancelWhenGracefulShutdown {
                for count in Self.cameras { StandardOutput.print(try await benchService(bench, count)) }
            }
        } catch is CancellationError {
            // Ended by a signal.
        } catch {
            errors.showLog()
            throw error
        }
    }

    /// - Returns: a line for people.
    private func benchService(_ bench: BenchContext, _ count: Int) async throws -> String {
        let plans = try (1...count).map {
            ServiceSetPlan.CameraPlan(name: try Name("camera-\($0)"), source: "test:1280x720@10")
        }
        return try await BenchSet.run(bench, cameras: plans, motion: 1) { set in
            // The registry gives cameras out four seconds after its start, and the first maps are learned from.
            try await bench.sleep(7)
            let (before, mapsBefore) = (CostReading(set.services), try await MotionBench.maps(set))
            try await bench.sleep(Self.interval)
            let (after, mapsAfter) = (CostReading(set.services), try await MotionBench.maps(set))
            let (maps, looking) = (mapsAfter.maps - mapsBefore.maps, mapsAfter.looking - mapsBefore.looking)
            guard maps > 0 else { throw BenchFailure("no map was looked at") }
            let microseconds = try after.nanoseconds(of: "motion", since: before) / 1000
            let percent = try after.percent(of: "motion", since: before)
            return "\(count) cameras  \(JSONText.number(microseconds / Double(maps), digits: 0)) µs a map in the whole "
                + "service, \(JSONText.number(Double(looking) / Double(maps), digits: 0)) of them in the detector; "
                + "\(JSONText.number(percent, digits: 2)) % of a core\n"
        }
    }

    private static func maps(_ set: BenchSet) async throws -> (maps: UInt64, looking: UInt64) {
        let members = try await set.status().members
        guard let motion = members.first(where: { $0.role == .motion }) else {
            throw BenchFailure("the motion service is gone")
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
