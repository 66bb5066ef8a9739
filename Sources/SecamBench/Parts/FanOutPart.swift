import SecamBase
import SecamControl
import SecamWire

/// One camera with an increasing number of viewers, and with as many browsers.
enum FanOutPart {
    private static let camera = "demo"
    private static let source = "test:1280x720@10"

    static func run(_ bench: BenchContext) async throws -> BenchReport.Part {
        let plan = ServiceSetPlan.CameraPlan(name: try Name(camera), source: source)
        let counts = bench.isQuick ? [1, 10, 100] : [1, 10, 100, 500]
        let cipher = try await cipherNanosecondsPerByte()
        return try await BenchSet.run(bench, cameras: [plan]) { set in
            var part = BenchReport.Part(
                "fan_out", "\(source) to an increasing number of viewers over TLS (goal: 0.6 ns a byte)",
                [
                    .init("way", "over"), .init("viewers", "viewers"), .init("fps_mean", "fps mean"),
                    .init("fps_least", "fps least"),
                    .init("megabytes_per_second", "MB/s"), .init("gateway_cpu_percent", "gateway CPU %"),
                    .init("gateway_ns_per_byte", "ns a byte"), .init("gateway_ciphers", "x AES"),
                    .init("gateway_resident_mb", "gateway RSS MB"),
                    .init("latency_p50_ms", "p50 ms"), .init("latency_p99_ms", "p99 ms"),
                ])
            for (way, arguments, counts) in [("TLS", [], counts), ("WebSocket", ["--web"], [counts.last ?? 1])] {
                let arguments = set.loadArguments(cameras: [camera]) + arguments
                try await RemoteLoad.run(arguments, password: set.password) { load in
                    for count in counts {
                        bench.say("fan-out to \(count) over \(way)")
                        try await load.grow(to: count)
                        part.add([.text(way)] + (try await measure(bench, set, load, cipher)))
                        guard !bench.isLate else { return part.notes.append(BenchReport.outOfTime) }
                    }
                }
            }
            part.notes.append(
                cipher.map { "x AES: multiple of the time for AES-128-GCM alone, \(JSONText.number($0, digits: 2)) ns" }
                    ?? "no comparison: openssl is not installed")
            return part
        }
    }

    private static func measure(
        _ bench: BenchContext, _ set: BenchSet, _ load: RemoteLoad, _ cipher: Double?
    ) async throws -> [BenchReport.Value] {
        try await bench.sleep(.seconds(1))
        let gateway = set.services.filter { $0.name == "gateway" }
        let status = try await set.status()
        let before = CostReading(gateway)
        _ = try await load.report()
        try await bench.sleep(bench.interval(.seconds(10)))
        let report = try await load.report()
        let after = CostReading(gateway)
        let sent = Double(bytes(try await set.status()) &- bytes(status))
        guard report.lost == 0 else { throw BenchFailure("\(report.lost) viewers lost: \(report.reason ?? "")") }
        let seconds = after.seconds(since: before)
        let nanoseconds = try after.nanoseconds(of: "gateway", since: before)
        let perByte = sent > 0 ? nanoseconds / sent : nil
        let latencies = Durations(microseconds: report.latencies)
        return [
            .number(Double(report.viewers), digits: 0),
            .number(Double(report.frames) / Double(report.viewers) / seconds, digits: 2),
            .number(Double(report.fewestFrames) / seconds, digits: 2), .number(sent / seconds / 1e6, digits: 2),
            .number(nanoseconds / (seconds * 1e7), digits: 1), .number(perByte, 3),
            .number(perByte.flatMap { perByte in cipher.map { perByte / $0 } }, 1),
            .number(gateway.first.flatMap { LatencyPart.megabytes(of: $0.process) }, 1),
            .number(latencies.milliseconds(0.5), 2), .number(latencies.milliseconds(0.99), 2),
        ]
    }

    /// Returns the time for a byte in OpenSSL's own benchmark of the viewers' cipher, the lower bound for any server; `nil`
    /// when openssl is not installed.
    private static func cipherNanosecondsPerByte() async throws -> Double? {
        guard let openssl = BenchProgram.find("openssl") else { return nil }
        let output = try await BenchProgram.output(
            of: openssl, ["speed", "-mr", "-evp", "aes-128-gcm", "-bytes", "16384", "-seconds", "3"])
        guard let rate = bytesPerSecond(ofOpenSSL: output) else {
            throw BenchFailure("openssl speed printed no rate")
        }
        return 1e9 / rate
    }

    /// Parses the line `+F:25:AES-128-GCM:2703144860.00`.
    static func bytesPerSecond(ofOpenSSL output: String) -> Double? {
        let line = output.split(separator: "\n").first { $0.hasPrefix("+F:") }
        return line?.split(separator: ":").last.flatMap { Double($0) }.flatMap { $0 > 0 ? $0 : nil }
    }

    private static func bytes(_ status: Status) -> UInt64 {
        status.members.first { $0.role == .gateway }?[.bytesToViewers] ?? 0
    }
}
