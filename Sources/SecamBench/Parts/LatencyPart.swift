import FoundationEssentials
import SecamControl
import SecamWire

/// The built-in test picture, 1280x720 at 30 fps: first without a viewer, then with one headless viewer.
enum LatencyPart {
    private static let camera = "demo"
    private static let frameRate = 30.0
    /// A camera without viewers has stopped its device after this time.
    private static let timeToIdle: Duration = .milliseconds(4500)

    struct Outcome: Sendable {
        var idle: BenchReport.Part
        var latency: BenchReport.Part
        var encode: BenchReport.Part
    }

    /// The output of `secam-view live --stats`.
    private struct ViewerStatistics: Decodable {
        let cameras: [String: Camera]

        struct Camera: Decodable {
            let frames: Int
            let fps: Double
            let bytes: Int
            let gaps: Int
            let latency: Latency
            enum CodingKeys: String, CodingKey {
                case frames, fps, bytes, gaps
                case latency = "latency_ms"
            }
        }

        struct Latency: Decodable {
            let p50: Double?
            let p99: Double?
            let max: Double?
        }
    }

    static func run(_ bench: BenchContext) async throws -> Outcome {
        let plan = ServiceSetPlan.CameraPlan(name: try Name(camera), source: "test:1280x720@30")
        return try await BenchSet.run(bench, cameras: [plan]) { set in
            bench.say("idle")
            let idle = try await measureIdle(bench, set)
            bench.say("latency")
            let (latency, encoded) = try await measureLatency(bench, set)
            bench.say("encode")
            let encode = try await EncodePart.run(bench, set, camera: camera, inService: encoded)
            return Outcome(idle: idle, latency: latency, encode: encode)
        }
    }

    private static func measureIdle(_ bench: BenchContext, _ set: BenchSet) async throws -> BenchReport.Part {
        try await bench.sleep(timeToIdle)
        let before = CostReading(set.services)
        try await bench.sleep(bench.interval(.seconds(10)))
        let after = CostReading(set.services)
        var part = BenchReport.Part(
            "idle", "A set with one camera and no viewer (goal: 1 % of a core, 150 MB)",
            [.init("service", "service"), .init("cpu_percent", "CPU %"), .init("resident_mb", "RSS MB")])
        for service in set.services {
            part.add([
                .text(service.name), .number(try after.percent(of: service.name, since: before), digits: 2),
                .number(megabytes(of: service.process), 1),
            ])
        }
        part.add([
            .text("all"), .number(try set.percent(since: before, at: after), digits: 2),
            .number(Double(set.residentBytes) / 1e6, digits: 1),
        ])
        return part
    }

    private static func measureLatency(
        _ bench: BenchContext, _ set: BenchSet
    ) async throws -> (BenchReport.Part, microseconds: Double?) {
        let interval = bench.interval(.seconds(20))
        var costs: [(name: String, percent: Double, milliseconds: Double, resident: Double?)] = []
        var encoded: Double?
        let output = try await BenchProgram.output(
            of: "\(SiblingPrograms.folder)/secam-view",
            ["live", camera, "--headless", "--stats", "--duration", "\(interval.components.seconds + 3)"]
                + set.viewArguments,
            environment: ["SECAM_PASSWORD": set.password]
        ) { viewer in
            // Leaves out the login and the first frames.
            try await bench.sleep(.seconds(2))
            let processes = set.services + [("secam-view", viewer)]
            let status = try await set.status()
            let before = CostReading(processes)
            try await bench.sleep(interval)
            let after = CostReading(processes)
            encoded = EncodePart.microsecondsPerJob(from: status, to: try await set.status())
            let frames = after.seconds(since: before) * frameRate
            for process in processes {
                let nanoseconds = try after.nanoseconds(of: process.name, since: before)
                costs.append(
                    (
                        process.name, nanoseconds / (after.seconds(since: before) * 1e7), nanoseconds / frames / 1e6,
                        megabytes(of: process.process)
                    ))
            }
        }
        let statistics = try JSONDecoder().decode(ViewerStatistics.self, from: Data(output.utf8))
        guard let seen = statistics.cameras[camera] else { throw BenchFailure("secam-view received no frame") }
        var part = BenchReport.Part(
            "latency", "test:1280x720@30 to one viewer, over shared memory, CURVE and TLS",
            [
                .init("process", "process"), .init("cpu_percent", "CPU %"),
                .init("cpu_ms_per_frame", "CPU ms a frame"), .init("resident_mb", "RSS MB"),
            ])
        for cost in costs {
            part.add([
                .text(cost.name), .number(cost.percent, digits: 1), .number(cost.milliseconds, digits: 3),
                .number(cost.resident, 1),
            ])
        }
        part.figures = [
            ("latency_p50_ms", .number(seen.latency.p50, 2)), ("latency_p99_ms", .number(seen.latency.p99, 2)),
            ("latency_max_ms", .number(seen.latency.max, 2)), ("fps", .number(seen.fps, digits: 2)),
            ("gaps", .number(Double(seen.gaps), digits: 0)),
            ("bytes_per_frame", .number(Double(seen.bytes) / Double(max(1, seen.frames)), digits: 0)),
        ]
        part.notes.append("goal: latency p50 at most 10 ms, p99 at most 30 ms, from capture to reception by the viewer")
        return (part, encoded)
    }

    /// Returns the resident memory of a process.
    static func megabytes(of process: Int32) -> Double? {
        ProcessCost.residentBytes(of: process).map { Double($0) / 1e6 }
    }
}
