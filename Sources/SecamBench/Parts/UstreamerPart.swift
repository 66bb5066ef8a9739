import Glibc
import SecamBase
import SecamControl
import SecamWire

/// The same emulated camera with the same number of clients: first with ustreamer (one process, no TLS, no login), then
/// with secam.
enum UstreamerPart {
    struct Tools: Sendable {
        let ustreamer: String
        let shim: String
    }

    private struct Mode: Sendable {
        let width: Int
        let height: Int
        let isJPEG: Bool

        var text: String { "\(width)x\(height) \(isJPEG ? "MJPG" : "YUYV")" }
    }

    private struct Figures: Sendable {
        let clients: Int
        /// Processor time of the server, per cent of one core.
        let percent: Double
        let framesPerSecond: Double
        /// Resident bytes of the server.
        let resident: Double
        let latencies: Durations
    }

    private static let quality = 80
    private static let clientCounts = [1, 10]

    /// - Returns: the failure when a program is missing.
    static func tools(shim: String?) -> Result<Tools, BenchFailure> {
        guard let ustreamer = BenchProgram.find("ustreamer") else {
            return .failure(BenchFailure("ustreamer is not installed (Debian: ustreamer)"))
        }
        guard let shim else {
            return .failure(BenchFailure("no camera emulator is given; give --shim PATH or set SECAM_V4L2_SHIM"))
        }
        guard unsafe access(shim, X_OK) == 0 else {
            return .failure(BenchFailure("\(shim) is not executable"))
        }
        return .success(Tools(ustreamer: ustreamer, shim: shim))
    }

    static func run(_ bench: BenchContext, shim: String?, video: String?) async throws -> BenchReport.Part {
        var part = BenchReport.Part(
            "ustreamer", "Comparison with ustreamer: the same emulated camera at 30 fps, quality \(quality)",
            [
                .init("camera", "camera"), .init("clients", "clients"), .init("program", "program"),
                .init("cpu_percent", "CPU %"), .init("cpu_ratio", "x ustreamer"), .init("fps", "fps"),
                .init("resident_mb", "RSS MB"), .init("latency_p50_ms", "p50 ms"), .init("latency_p95_ms", "p95 ms"),
                .init("latency_p99_ms", "p99 ms"),
            ])
        let tools: Tools
        switch self.tools(shim: shim) {
        case .success(let found): tools = found
        case .failure(let reason):
            part.notes.append("left out: \(reason)")
            return part
        }
        let modes =
            bench.isQuick
            ? [Mode(width: 1280, height: 720, isJPEG: false)]
            : [
                Mode(width: 640, height: 480, isJPEG: false), Mode(width: 1280, height: 720, isJPEG: false),
                Mode(width: 1920, height: 1080, isJPEG: false), Mode(width: 1280, height: 720, isJPEG: true),
            ]
        for mode in modes {
            guard !bench.isLate else {
                part.notes.append(BenchReport.outOfTime)
                break
            }
            bench.say("\(mode.text), compared with ustreamer")
            try await compare(bench, tools, mode, video, &part)
        }
        part.notes.append(
            "latency: from the emulated camera's frame time to the picture's last byte at the first client; a number "
                + "stamped into the picture identifies the frame")
        part.notes.append("secam: gateway, encode and capture together, over CURVE and TLS; RSS is their sum")
        return part
    }

    private static func compare(
        _ bench: BenchContext, _ tools: Tools, _ mode: Mode, _ video: String?, _ part: inout BenchReport.Part
    ) async throws {
        var footage = try await Footage.raw(bench, width: mode.width, height: mode.height, video: video)
        if mode.isJPEG { footage = try footage.jpegs(bench, quality: quality) }
        let theirs = try await measureUstreamer(bench, tools, mode, footage)
        let ours = try await measureSet(bench, tools, mode, footage)
        for (our, their) in zip(ours, theirs) {
            for (program, figures) in [("secam", our), ("ustreamer", their)] {
                let ratio = program == "secam" && their.percent > 0 ? our.percent / their.percent : nil
                part.add([
                    .text(mode.text), .number(Double(figures.clients), digits: 0), .text(program),
                    .number(figures.percent, digits: 1), .number(ratio, 2),
                    .number(figures.framesPerSecond, digits: 2), .number(figures.resident / 1e6, digits: 1),
                    .number(figures.latencies.milliseconds(0.5), 1),
                    .number(figures.latencies.milliseconds(0.95), 1),
                    .number(figures.latencies.milliseconds(0.99), 1),
                ])
            }
        }
    }

    // MARK: One program

    private static func measureSet(
        _ bench: BenchContext, _ tools: Tools, _ mode: Mode, _ footage: Footage
    ) async throws -> [Figures] {
        let log = "\(bench.scratch)/shim-secam.log"
        let plan = ServiceSetPlan.CameraPlan(
            name: try Name("webcam"), source: "v4l2:/dev/video0",
            arguments: ["--size", "\(mode.width)x\(mode.height)", "--fps", "30"],
            launcher: launcher(tools, mode, footage, log: log))
        return try await BenchSet.run(bench, cameras: [plan]) { set in
            let arguments = set.loadArguments(cameras: ["webcam"]) + ["--stamps"]
            return try await RemoteLoad.run(arguments, password: set.password) { load in
                try await measure(bench, tools, mode, load, log: log, set.services)
            }
        }
    }

    private static func measureUstreamer(
        _ bench: BenchContext, _ tools: Tools, _ mode: Mode, _ footage: Footage
    ) async throws -> [Figures] {
        let log = "\(bench.scratch)/shim-ustreamer.log"
        let port = try FreePort.find()
        let command =
            launcher(tools, mode, footage, log: log) + [
                tools.ustreamer, "--device", "/dev/video0", "--resolution", "\(mode.width)x\(mode.height)", "--format",
                mode.isJPEG ? "MJPEG" : "YUYV", "--quality", "\(quality)", "--host", "127.0.0.1", "--port", "\(port)",
            ] + (mode.isJPEG ? ["--encoder", "HW"] : [])
        return try await BenchProgram.whileRunning(command[0], Array(command.dropFirst())) { process in
            try await FreePort.waitForListener(port, bench)
            let arguments = ["--host", "127.0.0.1", "--port", "\(port)", "--http", "/stream", "--stamps"]
            return try await RemoteLoad.run(arguments) { load in
                try await measure(bench, tools, mode, load, log: log, [("ustreamer", process)])
            }
        }
    }

    /// Returns the command that starts a program with the emulated camera. Standard error, with the emulator's log of the
    /// stream's start, goes to a file. The emulator repeats raw pictures at no cost (`--hold`) and stamps new numbers into
    /// them. JPEGs contain their numbers, so repeated ones would not identify a frame.
    private static func launcher(_ tools: Tools, _ mode: Mode, _ footage: Footage, log: String) -> [String] {
        ["/bin/sh", "-c", "exec \"$@\" 2>\"$0\"", log, tools.shim, "--stats"]
            + (mode.isJPEG
                ? ["--mjpeg", footage.path]
                : ["--hold", "--stamp", "--size", "\(mode.width)x\(mode.height)", "--raw", footage.path])
            + ["--"]
    }

    private static func measure(
        _ bench: BenchContext, _ tools: Tools, _ mode: Mode, _ load: RemoteLoad, log: String,
        _ services: [(name: String, process: Int32)]
    ) async throws -> [Figures] {
        var all: [Figures] = []
        for clients in clientCounts {
            try await load.grow(to: clients)
            try await bench.sleep(.seconds(1))
            let before = CostReading(services)
            _ = try await load.report()
            try await bench.sleep(bench.interval(.seconds(10)))
            let report = try await load.report()
            let after = CostReading(services)
            guard report.lost == 0 else { throw BenchFailure("\(report.lost) clients lost: \(report.reason ?? "")") }
            guard let clock = FrameClock(log: SystemFile.read(log) ?? "") else {
                throw BenchFailure("the camera emulator did not log the start of its stream")
            }
            let cycle = mode.isJPEG ? Int64(Footage.pictureCount) : nil
            let latencies = report.stamps.map { clock.latency(of: $0, cycle: cycle) }
            var resident = 0.0
            for service in services { resident += try await residentBytes(of: service.process, tools) }
            all.append(
                Figures(
                    clients: clients,
                    percent: try services.reduce(0) { try $0 + after.percent(of: $1.name, since: before) },
                    framesPerSecond: Double(report.frames) / Double(clients) / after.seconds(since: before),
                    resident: resident, latencies: Durations(microseconds: latencies)))
        }
        return all
    }

    /// Returns the resident memory without the emulator's pictures.
    private static func residentBytes(of process: Int32, _ tools: Tools) async throws -> Double {
        let output = try await BenchProgram.output(of: tools.shim, ["--rss", "\(process)"])
        guard let kilobytes = Double(output.filter { !$0.isWhitespace }) else {
            throw BenchFailure("\(tools.shim) --rss: '\(output)' is not a number")
        }
        return kilobytes * 1024
    }
}

/// TCP ports on the loopback interface.
private enum FreePort {
    static func find() throws -> UInt16 {
        try withSocket { descriptor in
            var address = loopback(0)
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
                    unsafe bind(descriptor, rebound, length) == 0 && getsockname(descriptor, rebound, &length) == 0
                }
            }
            guard status else { throw BenchFailure("no free port on 127.0.0.1") }
            return UInt16(bigEndian: address.sin_port)
        }
    }

    /// Waits until a program listens at a port.
    static func waitForListener(_ port: UInt16, _ bench: BenchContext) async throws {
        for _ in 0..<200 {
            let isListening = try withSocket { descriptor in
                var address = loopback(port)
                return unsafe withUnsafePointer(to: &address) { pointer in
                    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                    }
                }
            }
            if isListening { return }
            try await bench.sleep(.milliseconds(50))
        }
        throw BenchFailure("no program listens at port \(port) of 127.0.0.1")
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    private static func withSocket<Result>(_ body: (Int32) throws -> Result) throws -> Result {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            throw BenchFailure("cannot open a socket: \(SystemError.last)")
        }
        defer { close(descriptor) }
        return try body(descriptor)
    }
}
