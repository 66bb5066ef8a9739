import Foundation
import Glibc
import SecamRecording
import SecamTestSupport
import SecamWire
import Testing

/// An archive that is absent for longer than the ring's length, and a camera that spools the frames.
@Suite(.serialized) struct SpoolTests {
    private static let camera = "demo=test:160x120@10"

    private static func frames(_ set: RunningSet) throws -> [RecordedFrame] {
        let index = try RecordingIndex(RecordingFolder("\(set.data)/recordings"))
        let reader = RecordingReader(index, camera: try Name("demo"), from: .min, to: .max, interval: .zero)
        var frames: [RecordedFrame] = []
        while let frame = try reader.next() { frames.append(frame) }
        return frames
    }

    private static func gaps(_ set: RunningSet) throws -> [FoundGap] {
        let index = try RecordingIndex(RecordingFolder("\(set.data)/recordings"))
        return try index.gaps(of: try Name("demo"), from: .min, to: .max)
    }

    private static func withSet(_ body: (RunningSet) async throws -> Void) async throws {
        let scratch = try ScratchFolder()
        let set = try await RunningSet(
            [camera], record: "continuous", environment: ["SECAM_RING_SECONDS": "2"],
            arguments: ["--spool", scratch.file("spool"), "--spool-megabytes", "64"], scratch: scratch)
        defer { set.up.kill() }
        try await eventually("recorded frames") { try frames(set).count >= 20 }
        try await body(set)
    }

    /// Stops the archive, and waits until the camera has spooled a number of frames.
    ///
    /// - Returns: the archive's process, which the caller must continue.
    private static func stopArchive(_ set: RunningSet, untilSpooled count: Int) async throws -> Int32 {
        let archive = Int32(try #require(try await set.status("archive")["pid"].integer))
        kill(archive, SIGSTOP)
        do {
            try await waitForSpooled(set, count)
        } catch {
            kill(archive, SIGCONT)
            throw error
        }
        return archive
    }

    private static func waitForSpooled(_ set: RunningSet, _ count: Int) async throws {
        try await eventually("\(count) spooled frames", seconds: 120) {
            try await set.status("capture")["frames_spooled"].integer ?? 0 >= count
        }
    }

    private static func waitForEmptySpool(_ set: RunningSet) async throws {
        try await eventually("an empty spool", seconds: 120) {
            try await set.status("capture")["bytes_spooled"].integer == 0
        }
    }

    @Test func `an archive that is absent for longer than the ring's length misses no frame`() async throws {
        try await Self.withSet { set in
            let archive = try await Self.stopArchive(set, untilSpooled: 80)
            let before = try Self.frames(set).count
            kill(archive, SIGCONT)
            try await eventually("live frames arrive before the slower spool") {
                try Self.frames(set).count > before + 10
            }
            try await Self.waitForEmptySpool(set)
            let numbers = try Self.frames(set).map(\.sequence)
            #expect(numbers == Array(numbers[0]...numbers[numbers.count - 1]), "in order, each once, none missing")
            try await eventually("all gaps are filled") { try Self.gaps(set).isEmpty }
            let verified = try await set.secam(["archive", "check"])
            #expect(verified.status == 0, "\(verified.output)")
        }
    }

    @Test func `the spool survives the camera's service and is unreadable without its key`() async throws {
        try await Self.withSet { set in
            let archive = try await Self.stopArchive(set, untilSpooled: 50)
            defer { kill(archive, SIGCONT) }
            let spooled = try #require(
                FileManager.default.enumerator(atPath: set.scratch.file("spool"))?.compactMap { $0 as? String }
                    .filter { $0.hasSuffix(".spool") })
            #expect(!spooled.isEmpty)
            for path in spooled {
                let bytes = try set.scratch.data("spool/\(path)")
                #expect(bytes.range(of: Data("JFIF".utf8)) == nil)
            }
            try await set.killService("capture")
            try await Self.waitForSpooled(set, 20)
            kill(archive, SIGCONT)
            try await Self.waitForEmptySpool(set)
            let runs = Dictionary(grouping: try Self.frames(set), by: \.incarnation)
            #expect(runs.count == 2)
            for frames in runs.values {
                let numbers = frames.map(\.sequence)
                #expect(numbers == Array(numbers[0]...numbers[numbers.count - 1]), "none missing within an incarnation")
            }
        }
    }

    @Test func `a camera that stops spools unarchived frames and delivers them after its next start`() async throws {
        try await Self.withSet { set in
            let archive = try await Self.stopArchive(set, untilSpooled: 5)
            defer { kill(archive, SIGCONT) }
            let published = try #require(try await set.status("capture")["frames_published"].integer)
            let capture = Int32(try #require(try await set.status("capture")["pid"].integer))
            kill(capture, SIGTERM)
            try await eventually("a restart of the camera") {
                try await set.status("capture")["pid"].integer.map { $0 != Int(capture) } ?? false
            }
            kill(archive, SIGCONT)
            try await Self.waitForEmptySpool(set)
            let first = try Self.frames(set)
            let numbers = first.filter { $0.incarnation == first[0].incarnation }.map(\.sequence)
            #expect(numbers == Array(numbers[0]...numbers[numbers.count - 1]))
            #expect(numbers.count >= published, "including the frames in the ring: \(numbers.count) of \(published)")
        }
    }
}
