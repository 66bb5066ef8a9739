import Glibc
import SecamControl
import SecamWire

/// One camera with raw pictures and one viewer: with shared memory between capture and encode, and over CURVE.
enum SharingPart {
    private static let sizes = [(640, 480), (1280, 720), (1920, 1080)]
    private static let frameRate = 30
    /// Measurements of each row, of which the report shows the median.
    private static let rounds = 3

    /// Processor time per frame, milliseconds.
    private struct Cost: Sendable {
        let capture: Double
        let encode: Double
        let all: Double
        let framesPerSecond: Double
    }

    /// - Parameters:
    ///   - shim: camera emulator; `nil` for the built-in test picture, whose drawing counts as time of `capture`.
    ///   - video: video for the emulated camera; `nil` for a generated one.
    static func run(_ bench: BenchContext, shim: String?, video: String?) async throws -> BenchReport.Part {
        if let shim, unsafe access(shim, X_OK) != 0 { throw BenchFailure("\(shim) is not executable") }
        let source = shim == nil ? "the test picture" : "an emulated webcam, YUYV"
        var part = BenchReport.Part(
            "sharing", "Raw pictures in shared memory and over CURVE: \(source), \(frameRate) fps, one viewer",
            [
                .init("size", "size"), .init("way", "way"), .init("capture_ms", "capture ms a frame"),
                .init("encode_ms", "encode ms a frame"), .init("all_ms", "all services ms a frame"),
                .init("ratio", "x CURVE"), .init("fps", "fps"),
            ])
        for (width, height) in bench.isQuick ? [sizes[1]] : sizes {
            bench.say("\(width)x\(height), shared memory and CURVE")
            let footage =
                shim == nil ? nil : try await Footage.raw(bench, width: width, height: height, video: video)
            var costs: [Bool: [Cost]] = [:]
            for _ in 0..<(bench.isQuick ? 1 : rounds) {
                guard !bench.isLate else {
                    part.notes.append(BenchReport.outOfTime)
                    break
                }
                // In turns, so that other load of the machine affects both alike.
                for isShared in [true, false] {
                    let plan = try plan(width, height, shim: shim, footage)
                    costs[isShared, default: []].append(try await measure(bench, plan, isShared: isShared))
                }
            }
            guard let shared = costs[true], let curve = costs[false] else { continue }
            let ratio = median(shared, \.all) / median(curve, \.all)
            for (way, costs, ratio) in [("shared memory", shared, ratio as Double?), ("CURVE", curve, nil)] {
                part.add([
                    .text("\(width)x\(height)"), .text(way), .number(median(costs, \.capture), digits: 3),
                    .number(median(costs, \.encode), digits: 3), .number(median(costs, \.all), digits: 3),
                    .number(ratio, 2), .number(median(costs, \.framesPerSecond), digits: 2),
                ])
            }
        }
        return part
    }

    private static func plan(
        _ width: Int, _ height: Int, shim: String?, _ footage: Footage?
    ) throws -> ServiceSetPlan.CameraPlan {
        let name = try Name("webcam")
        guard let shim, let footage else {
            return ServiceSetPlan.CameraPlan(name: name, source: "test:\(width)x\(height)@\(frameRate)")
        }
        return ServiceSetPlan.CameraPlan(
            name: name, source: "v4l2:/dev/video0",
            arguments: ["--size", "\(width)x\(height)", "--fps", "\(frameRate)"],
            launcher: [shim, "--hold", "--size", "\(width)x\(height)", "--raw", footage.path, "--"])
    }

    private static func measure(
        _ bench: BenchContext, _ camera: ServiceSetPlan.CameraPlan, isShared: Bool
    ) async throws -> Cost {
        try await BenchSet.run(bench, cameras: [camera], isSharing: isShared) { set in
            let arguments = set.loadArguments(cameras: [camera.name.text])
            return try await RemoteLoad.run(arguments, password: set.password) { load in
                try await load.grow(to: 1)
                try await waitForSharing(bench, set, isShared)
                let before = CostReading(set.services)
                _ = try await load.report()
                try await bench.sleep(bench.interval(.seconds(8)))
                let frames = try await load.report().frames
                let after = CostReading(set.services)
                guard frames > 0 else { throw BenchFailure("the viewer received no frame") }
                func milliseconds(_ service: String) throws -> Double {
                    try after.nanoseconds(of: service, since: before) / Double(frames) / 1e6
                }
                return Cost(
                    capture: try milliseconds("capture \(camera.name)"), encode: try milliseconds("encode"),
                    all: try set.services.reduce(0) { try $0 + milliseconds($1.name) },
                    framesPerSecond: Double(frames) / after.seconds(since: before))
            }
        }
    }

    /// Waits until the pictures go the way that is measured, and the services' start is over.
    private static func waitForSharing(_ bench: BenchContext, _ set: BenchSet, _ isShared: Bool) async throws {
        for _ in 0..<100 {
            try await bench.sleep(.milliseconds(100))
            let camera = try await set.status().members.first { $0.role == .capture }
            guard let camera, camera[.workers] == 1, (camera[.workersSharing] == 1) == isShared else { continue }
            return try await bench.sleep(.seconds(1))
        }
        throw BenchFailure("the encoder \(isShared ? "does not share" : "shares") memory; see the log above")
    }

    private static func median(_ costs: [Cost], _ value: (Cost) -> Double) -> Double {
        costs.map(value).sorted()[costs.count / 2]
    }
}
