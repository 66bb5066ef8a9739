import Foundation
import SecamRecording
import SecamTestSupport
import SecamWire
import Testing

/// The program named by `SECAM_WITH_CLOCK`, which runs others under a wrong wall clock.
private struct ShiftedClock {
    private static let tool = ProcessInfo.processInfo.environment["SECAM_WITH_CLOCK"] ?? ""

    static let isAvailable = FileManager.default.isExecutableFile(atPath: tool)

    /// The environment of programs that run under this clock.
    let environment: [String: String]
    private let file: String
    private let scratch: ScratchFolder

    init(_ scratch: ScratchFolder, at time: String = "0") async throws {
        self.scratch = scratch
        file = scratch.file("clock")
        try await Programs.tool([Self.tool, file, "set", time], in: scratch)
        let shown = try await Programs.tool([Self.tool, file, "--", "env"], in: scratch)
        let variables = shown.output.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1) }
        environment = Dictionary(
            variables.filter { ["FCLK", "LD_PRELOAD"].contains($0[0]) }.map { (String($0[0]), String($0[1])) }
        ) { first, _ in first }
    }

    /// - Parameter offset: seconds such as `+300` or `-300`, added to the present offset; `0` for the correct time.
    func set(_ offset: String) async throws {
        try await Programs.tool([Self.tool, file, "set", offset], in: scratch)
    }
}

@Suite(.serialized, .enabled(if: ShiftedClock.isAvailable)) struct WrongClockTests {
    private static let camera = "demo=test:160x120@20"

    /// Returns the numbers of all recorded frames in the order of a replay.
    private static func numbers(_ set: RunningSet) throws -> [UInt64] {
        let index = try RecordingIndex(RecordingFolder("\(set.data)/recordings"))
        let reader = RecordingReader(index, camera: try Name("demo"), from: .min, to: .max, interval: .zero)
        var numbers: [UInt64] = []
        while let frame = try reader.next() { numbers.append(frame.sequence) }
        return numbers
    }

    private static func waitForFrames(_ count: Int, _ set: RunningSet) async throws {
        let before = try numbers(set).count
        try await eventually("\(count) more recorded frames") { try numbers(set).count >= before + count }
    }

    /// Whether a retention pass has logged a change of the clock.
    private static func isChangeLogged(_ set: RunningSet) -> Bool {
        ["age-based retention suspended", "wall clock changed"].contains { set.up.errors.contains($0) }
    }

    private static func run(
        _ clock: ShiftedClock, _ scratch: ScratchFolder, password: String? = nil,
        _ body: (RunningSet) async throws -> Void
    ) async throws {
        let set = try await RunningSet(
            [camera], record: "continuous", environment: clock.environment, scratch: scratch, password: password)
        defer { set.up.kill() }
        do {
            try await body(set)
            set.up.send(SIGTERM)
            _ = try await set.up.finish()
        } catch {
            throw TestFailure("\(error)\nLog:\n\(set.up.errors)")
        }
    }

    @Test(arguments: ["+1296000", "+126144000", "-1576800000"])
    func `a clock that is wrong for a moment costs no recording, and export includes every pass of a repeated time`(
        jump: String
    ) async throws {
        let scratch = try ScratchFolder()
        let clock = try await ShiftedClock(scratch)
        try await Self.run(clock, scratch) { set in
            try await Self.waitForFrames(40, set)
            try await clock.set(jump)
            try await eventually("a retention pass under the new clock") { Self.isChangeLogged(set) }
            try await Self.waitForFrames(40, set)
            try await clock.set("0")
            try await Self.waitForFrames(120, set)
            // This time is recorded already.
            try await clock.set("-4")
            try await Self.waitForFrames(60, set)
            let numbers = try Self.numbers(set)
            #expect(numbers.sorted() == Array(numbers.min()!...numbers.max()!), "each once, none missing")

            let export = try await set.view([
                "export", "demo", "--from", "1970-01-02", "--to", "2200-01-01", "-o", scratch.file("film.mkv"),
            ])
            #expect(export.status == 0, "\(export.errors)")
            let saved = export.errors.split(separator: "\n").first { $0.contains("saved ") }
            let count = saved?.split(separator: " ").drop { $0 != "saved" }.dropFirst().first.flatMap { Int($0) }
            #expect(count ?? 0 >= numbers.count, "\(export.errors)")
            #expect(export.errors.contains("clock was set back"), "\(export.errors)")
            let listed = try await set.view(["recordings", "demo"])
            #expect(listed.output.contains("overlaps"), "\(listed.output)")
        }
        let verified = try await Programs.run(
            "secam", ["archive", "verify"], in: scratch, environment: ["SECAM_DATA": scratch.file("data")])
        #expect(verified.status == 0, "\(verified.output)")
    }

    @Test(arguments: ["1970-01-01T00:00:10", "2031-05-01T00:00:00"])
    func `a first start under a wrong clock costs no recording after its correction`(time: String) async throws {
        let scratch = try ScratchFolder()
        let clock = try await ShiftedClock(scratch, at: time)
        var (password, fingerprint): (String?, String?)
        var before: [UInt64] = []
        try await Self.run(clock, scratch) { set in
            (password, fingerprint) = (set.password, set.fingerprint)
            try await Self.waitForFrames(40, set)
            before = try Self.numbers(set)
            try await clock.set("0")
            try await eventually("a retention pass under the new clock") { Self.isChangeLogged(set) }
            try await Self.waitForFrames(40, set)
        }
        let paths = RecordingFolder(scratch.file("data/recordings"))
        #expect(paths.hasIndex)
        try await Self.run(clock, scratch, password: password) { set in
            #expect(set.fingerprint == fingerprint, "viewers know the certificate")
            #expect(try await set.cameras().keys.contains("demo"))
            try await Self.waitForFrames(40, set)
            #expect(Set(try Self.numbers(set)).isSuperset(of: before))
        }
    }
}
