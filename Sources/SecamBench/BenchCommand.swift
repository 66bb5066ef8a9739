package import ArgumentParser
import Glibc
import SecamBase
import SecamControl
import SecamMesh
import SecamProcess
import ServiceLifecycle

/// `secam bench`: what it costs, measured and printed; nothing is asserted.
package struct BenchCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measures what the system costs on this machine.",
        subcommands: [
            LiveBenchCommand.self, MotionBenchCommand.self, ArchiveBenchCommand.self, ViewersCommand.self,
        ])

    package init() {}
}

/// `secam bench live`: from the camera to the viewer.
struct LiveBenchCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "live", abstract: "Latency, processor time and memory from the camera to the viewer.",
        discussion: """
            Runs sets of services of its own, with scratch folders and free ports on 127.0.0.1, for up to eight \
            minutes; --quick takes less than two and is less exact. Figures count only on a machine that does nothing \
            else. Compared with tjbench and ustreamer where they are installed; for the latter a camera emulator is \
            needed that takes the options of v4l2-shim.
            """)

    @Flag(help: "One JSON object.")
    var json = false
    @Flag(help: "Shorter intervals, and fewer of them.")
    var quick = false
    @Option(
        help: ArgumentHelp("Only these parts: latency, fan-out, growth, ustreamer; with commas.", valueName: "parts"))
    var parts: String?
    @Option(
        help: ArgumentHelp("A program that runs another with an emulated camera. (SECAM_V4L2_SHIM)", valueName: "path"))
    var shim: String?
    @Option(help: ArgumentHelp("A video for the emulated camera instead of a made-up one.", valueName: "file"))
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
                    throw CommandError("--parts \(parts): there is no part '\(word)'; there are \(names)")
                }
                return part
            })
    }
}

/// The whole measurement.
struct LiveBench: Service {
    enum Part: String, CaseIterable {
        case latency
        case fanOut = "fan-out"
        case growth
        case ustreamer
    }

    let isQuick: Bool
    let printsJSON: Bool
    let parts: Set<Part>
    let shim: String?
    let footage: String?

    /// Microseconds after which no further measurement begins.
    private static let longest: (full: Int64, quick: Int64) = (440_000_000, 100_000_000)

    func run() async throws {
        let scratch = try BenchFolder()
        defer { scratch.remove() }
        let errors = try DivertedErrors(to: "\(scratch.path)/services.log")
        defer { errors.end() }
        let longest = isQuick ? LiveBench.longest.quick : LiveBench.longest.full
        let bench = BenchContext(
            scratch: scratch.path, isQuick: isQuick, deadline: MonotonicTime.now.advanced(byMicroseconds: longest),
            say: { errors.say($0) })
        do {
            let report = try await cancelWhenGracefulShutdown { try await measure(bench) }
            StandardOutput.print(printsJSON ? report.json + "\n" : report.table)
        } catch is CancellationError {
            // Ended by a signal; there is nothing to show.
        } catch {
            errors.showLog()
            throw error
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
