import Foundation
import Glibc
import SecamRecording
import SecamTestSupport
import SecamWire
import Testing

@Suite(.serialized) struct ArchiveFaultTests {
    private static func index(_ set: RunningSet) throws -> RecordingIndex {
        try RecordingIndex(RecordingFolder("\(set.data)/recordings"))
    }

    /// Returns the recorded frames and the gaps of the camera.
    private static func account(_ index: RecordingIndex) throws -> (
        frames: [RecordedFrame], gaps: [FoundGap]
    ) {
        let camera = try Name("demo")
        let reader = RecordingReader(index, camera: camera, from: .min, to: .max, interval: .zero)
        var frames: [RecordedFrame] = []
        while let frame = try reader.next() { frames.append(frame) }
        return (frames, try index.gaps(of: camera, from: .min, to: .max))
    }

    private static func waitForFrames(_ count: Int, _ set: RunningSet) async throws {
        let index = try index(set)
        let before = try account(index).frames.count
        do {
            try await eventually("\(count) more recorded frames") { try account(index).frames.count >= before + count }
        } catch {
            let segments = try index.segments(of: nil, from: .min, to: .max)
            throw TestFailure(
                "\(error); \(segments.map { "\($0.path) \($0.state) \($0.firstSequence)-\($0.lastSequence)" })")
        }
    }

    @Test func `each frame is recorded once, however often archive, encoder and gateway are killed`()
        async throws
    {
        try await RunningSet.with(["demo=test:160x120@20"], encoders: 2, record: "continuous") { set in
            try await Self.waitForFrames(20, set)
            var random = SeededGenerator(seed: 11)
            for role in ["archive", "encode", "archive", "gateway", "archive"] {
                try await Task.sleep(for: .milliseconds(Int.random(in: 100...1500, using: &random)))
                try await set.killService(role)
                try await Self.waitForFrames(20, set)
            }
            let captured = try await set.status("capture")
            #expect(captured["frames_dropped"].integer == 0, "\(captured)")
            set.up.send(SIGTERM)
            _ = try await set.up.finish()
            let (frames, gaps) = try Self.account(Self.index(set))
            let numbers = frames.map(\.sequence)
            #expect(numbers == Array(numbers[0]...numbers[numbers.count - 1]), "in order, each once, none missing")
            #expect(gaps.isEmpty, "\(gaps)")
            #expect(Set(frames.map(\.incarnation)).count == 1)
            let verified = try await set.secam(["archive", "verify"])
            #expect(verified.status == 0, "\(verified.output)")
        }
    }

    @Test func `an archive that is absent for less than the ring's length misses no frame`() async throws {
        // Longer than the camera remembers any consumer.
        let environment = ["SECAM_RING_SECONDS": "600"]
        try await RunningSet.with(["demo=test:160x120@5"], record: "continuous", environment: environment) { set in
            try await Self.waitForFrames(10, set)
            let archive = try #require(try await set.status("archive")["pid"].integer)
            let before = try #require(try await set.status("capture")["frames_published"].integer)
            kill(Int32(archive), SIGSTOP)
            // 40 s of frames.
            try await eventually("frames without an archive") {
                let published = try await set.status("capture")["frames_published"].integer ?? 0
                return published >= before + 200
            }
            kill(Int32(archive), SIGCONT)
            let held = try Self.account(Self.index(set)).frames.count
            try await eventually("everything is recorded") {
                try Self.account(Self.index(set)).frames.count >= held + 200
            }
            let (frames, gaps) = try Self.account(Self.index(set))
            let numbers = frames.map(\.sequence)
            #expect(numbers == Array(numbers[0]...numbers[numbers.count - 1]), "in order, each once, none missing")
            #expect(gaps.isEmpty, "\(gaps)")
        }
    }

    @Test func `an archive that starts while the registry is absent resumes its last assignment`() async throws {
        try await RunningSet.with(["demo=test:160x120@10"], record: "continuous") { set in
            try await Self.waitForFrames(10, set)
            let folder = "\(set.data)/recordings/.index"
            try await eventually("the assignment is saved") {
                let files = try FileManager.default.contentsOfDirectory(atPath: folder)
                return try files.filter { $0.hasPrefix("assignment-") }
                    .contains { try !set.scratch.data("data/recordings/.index/\($0)").isEmpty }
            }
            let gateway = try #require(try set.processes("gateway").first)
            kill(gateway, SIGSTOP)
            defer { kill(gateway, SIGCONT) }
            try await set.killService("archive")
            try await Self.waitForFrames(30, set)
            kill(gateway, SIGCONT)
            try await Self.waitForFrames(30, set)
            let numbers = try Self.account(Self.index(set)).frames.map(\.sequence)
            #expect(numbers == Array(numbers[0]...numbers[numbers.count - 1]), "in order, each once, none missing")
        }
    }

    @Test func `nothing is recorded into the folder of a disk that is missing at start`() async throws {
        let scratch = try ScratchFolder()
        let first = try await RunningSet(["demo=test:160x120@10"], record: "continuous", scratch: scratch)
        defer { first.up.kill() }
        try await Self.waitForFrames(10, first)
        first.up.send(SIGTERM)
        _ = try await first.up.finish()
        let path = "\(first.data)/recordings"
        try FileManager.default.moveItem(atPath: path, toPath: path + ".disk")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let second = try await RunningSet(
            ["demo=test:160x120@10"], record: "continuous", scratch: scratch, password: first.password)
        defer { second.up.kill() }
        try await eventually("the archive's refusal") { second.up.errors.contains("is their disk mounted?") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: path + ".disk", toPath: path)
        // The supervisor restarts the archive.
        try await Self.waitForFrames(10, second)
    }

    @Test func `another archive continues where an archive that hangs stopped`() async throws {
        try await RunningSet.with(["demo=test:160x120@10"], record: "continuous", archives: 2) { set in
            try await Self.waitForFrames(10, set)
            let owner = try await eventually("the recording archive") { try await set.processWithCamera("archive") }
            kill(owner, SIGSTOP)
            try await eventually("the other archive records") {
                try await set.status()["services"].values.contains {
                    $0["role"].text == "archive" && $0["cameras_assigned"].integer == 1
                        && $0["pid"].integer != Int(owner)
                }
            }
            try await Self.waitForFrames(20, set)
            kill(owner, SIGKILL)
            set.up.send(SIGTERM)
            _ = try await set.up.finish()
            let (frames, gaps) = try Self.account(Self.index(set))
            let numbers = frames.map(\.sequence)
            #expect(
                numbers == Array(numbers[0]...numbers[numbers.count - 1]),
                "in order, each once, none missing; \(gaps) \(set.up.errors)")
        }
    }

    @Test func `a camera that restarts is recorded from its first frame`() async throws {
        try await RunningSet.with(["demo=test:160x120@10"], record: "continuous") { set in
            try await Self.waitForFrames(10, set)
            try await set.killService("capture")
            try await eventually("frames of the new process") {
                Set(try Self.account(Self.index(set)).frames.map(\.incarnation)).count == 2
            }
            let frames = try Self.account(Self.index(set)).frames
            let second = try #require(frames.last?.incarnation)
            let numbers = frames.filter { $0.incarnation == second }.map(\.sequence)
            #expect(numbers == Array(numbers[0]..<numbers[0] + UInt64(numbers.count)))
        }
    }

    @Test func `recording resumes on a disk that is mounted again`() async throws {
        try await RunningSet.with(["demo=test:160x120@10"], record: "continuous") { set in
            try await Self.waitForFrames(10, set)
            // Another folder replaces the open one, as after a disk was unplugged and plugged in again.
            let path = "\(set.data)/recordings"
            let isAway = unsafe rename(path, path + ".away") == 0
            try #require(isAway)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            let made = try await set.secam(["archive", "rebuild"])
            #expect(made.status == 0, "\(made.errors)")
            try await Self.waitForFrames(10, set)
        }
    }

    @Test func `a full disk costs the oldest recordings but neither live view nor protected recordings`() async throws {
        let scratch = try ScratchFolder()
        // Only root can mount a disk.
        let mounted = scratch.file("disk")
        try scratch.makeFolders("disk")
        guard unsafe mount("tmpfs", mounted, "tmpfs", 0, "size=24m") == 0 else {
            try Test.cancel("only root can mount a disk: \(unsafe String(cString: strerror(errno)))")
        }
        defer { unsafe umount2(mounted, Int32(MNT_DETACH)) }
        let set = try await RunningSet(
            ["demo=test:1280x720@10"], record: "continuous", recordings: mounted, scratch: scratch)
        defer { set.up.kill() }
        try await eventually("more was recorded than fits on the disk", seconds: 300) {
            let archive = try await set.status("archive")
            return (archive["bytes_recorded"].integer ?? 0) > 40 << 20
        }
        let archive = try await set.status("archive")
        #expect(try #require(archive["bytes_stored"].integer) <= 24 << 20)
        let live = try await set.view(["live", "demo", "--headless", "--frames", "5"])
        #expect(live.status == 0, "\(live.errors)")
        let index = try RecordingIndex(RecordingFolder(mounted))
        #expect(try ArchiveCheck.compare(index).isEmpty)
        #expect(try !Self.account(index).frames.isEmpty)
    }
}
