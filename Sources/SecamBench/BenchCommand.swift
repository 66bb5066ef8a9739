package import ArgumentParser
import Glibc
import SecamBase
import SecamControl
import SecamMesh
import SecamProcess
import ServiceLifecycle

/// `secam bench`: measures the system, without pass or fail.
package struct BenchCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure speed and cost on this machine.",
        subcommands: [
            LiveBenchCommand.self, MotionBenchCommand.self, ArchiveBenchCommand.self, ViewersCommand.self,
        ])

    package init() {}
}

/// `secam bench live`: measures the path from the camera to the viewer.
struct LiveBenchCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "live", abstract: "Measure latency, processor time and memory from camera to viewer.",
        discussion: """
            Runs its own services with scratch folders and free ports on 127.0.0.1, for up to eleven minutes. The machine \
            must be idle otherwise. Compares with tjbench and ustreamer where they are installed; the comparison with \
            ustreamer needs a camera emulator with the options of v4l2-shim.
            """)

    @Flag(help: "Print one JSON object.")
    var json = false
    @Flag(help: "Measure for less than two minutes, and less exactly.")
    var quick = false
    @Option(
        help: ArgumentHelp(
            "Parts, comma-separated: latency, fan-out, growth, sharing, ustreamer. (default: all)", valueName: "parts"))
    var parts: String?
    @Option(
        help: ArgumentHelp("Camera emulator, a program that runs another one. (SECAM_V4L2_SHIM)", valueName: "path"))
    var shim: String?
    @Option(help: ArgumentHelp("Video for the emulated camera. (default: generated)", valueName: "file"))
    var footage: String?

    func run() async throws {
        await ServiceProcess.main("secam bench live") {
            LiveBench(
                isQuick: quick, printsJSON: json, parts: try chosenParts(),
                shim: shim ?? ProgramEnvironment.variables["SECAM_V4L2_SHIM"], footage: footage)
        }
    }

    private func chosenParts() throws -> Set<LiveBench.Part> {
        guard let parts else { return Set(LiveBench.Part.allCases) }
        return Set(
            try parts.split(separator: ",").map { word in
                guard let part = LiveBench.Part(rawValue: String(word)) else {
                    let names = LiveBench.Part.allCases.map(\.rawValue).joined(separator: ", ")
                    throw CommandError("--parts '\(word)': expected \(names)")
                }
                return part
            })
    }
}

struct LiveBench: Service {
    enum Part: String, CaseIterable {
        case latency
        case fanOut = "fan-out"
        case growth
        case sharing
        case ustreamer
    }

    let isQuick: Bool
    let printsJSON: Bool
    let parts: Set<Part>
    let shim: String?
    let footage: String?

    private static let timeLimit: (full: Duration, quick: Duration) = (.seconds(640), .seconds(110))

    func run() async throws {
        let limit = isQuick ? LiveBench.timeLimit.quick : LiveBench.timeLimit.full
        try await BenchContext.run(isQuick: isQuick, timeLimit: limit) { bench in
            let report = try await measure(bench)
            StandardOutput.print(printsJSON ? report.json + "\n" : report.table)
        }
    }

    private func measure(_ bench: BenchContext) async throws -> BenchReport {
        var report = BenchReport(machine: Machine(), versions: try await versions())
        if parts.contains(.latency) {
            let outcome = try await LatencyPart.run(bench)
            report.parts += [outcome.idle, outcome.latency, outcome.encode]
        }
        if parts.contains(.fanOut) { report.parts.append(try await FanOutPart.run(bench)) }
        if parts.contains(.growth) { report.parts.append(try await GrowthPart.run(bench)) }
        if parts.contains(.sharing) {
            report.parts.append(try await SharingPart.run(bench, shim: shim, video: footage))
        }
        if parts.contains(.ustreamer) {
            report.parts.append(try await UstreamerPart.run(bench, shim: shim, video: footage))
        }
        return report
    }

    private func versions() async throws -> [(program: String, version: String)] {
        var list = [("secam", softwareVersion)]
        if let ustreamer = BenchProgram.find("ustreamer") {
            let output = try await BenchProgram.output(of: ustreamer, ["--version"])
            list.append(("ustreamer", output.split(separator: "\n").first.map(String.init) ?? "?"))
        }
        return list
    }
}
