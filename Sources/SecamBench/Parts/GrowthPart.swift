import SecamControl
import SecamWire

/// An increasing number of cameras, each with one viewer.
enum GrowthPart {
    private static let source = "test:640x480@15"

    static func run(_ bench: BenchContext) async throws -> BenchReport.Part {
        var part = BenchReport.Part(
            "growth", "An increasing number of cameras, each \(source) with one viewer",
            [
                .init("cameras", "cameras"), .init("fps_mean", "fps mean"), .init("fps_least", "fps least"),
                .init("cpu_percent", "CPU %"), .init("cpu_percent_per_camera", "CPU % a camera"),
                .init("gateway_cpu_percent", "gateway %"), .init("encode_cpu_percent", "encode %"),
                .init("capture_cpu_percent", "captures %"), .init("resident_mb", "RSS MB"),
            ])
        for count in bench.isQuick ? [1, 2, 4] : [1, 2, 4, 8, 16, 32] {
            guard !bench.isLate else {
                part.notes.append(BenchReport.outOfTime)
                break
            }
            bench.say("\(count) cameras")
            part.add(try await measure(bench, count))
        }
        return part
    }

    private static func measure(_ bench: BenchContext, _ count: Int) async throws -> [BenchReport.Value] {
        let plans = try (1...count).map {
            ServiceSetPlan.CameraPlan(name: try Name("camera-\($0)"), source: source)
        }
        return try await BenchSet.run(bench, cameras: plans) { set in
            let arguments = set.loadArguments(cameras: plans.map(\.name.text))
            return try await RemoteLoad.run(arguments, password: set.password) { load in
                try await load.grow(to: count)
                try await bench.sleep(.seconds(1))
                let before = CostReading(set.services)
                _ = try await load.report()
                try await bench.sleep(bench.interval(.seconds(8)))
                let report = try await load.report()
                let after = CostReading(set.services)
                let seconds = after.seconds(since: before)
                let all = try set.percent(since: before, at: after)
                let gateway = try after.percent(of: "gateway", since: before)
                let encode = try after.percent(of: "encode", since: before)
                return [
                    .number(Double(count), digits: 0),
                    .number(Double(report.frames) / Double(count) / seconds, digits: 2),
                    .number(Double(report.fewestFrames) / seconds, digits: 2), .number(all, digits: 1),
                    .number(all / Double(count), digits: 2), .number(gateway, digits: 1),
                    .number(encode, digits: 1), .number(all - gateway - encode, digits: 1),
                    .number(Double(set.residentBytes) / 1e6, digits: 1),
                ]
            }
        }
    }
}
