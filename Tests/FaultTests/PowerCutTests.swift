import Foundation
import Glibc
import Logging
import SecamRecording
import SecamTestSupport
import SecamWire
import Testing

/// A power cut for real: the archive writes to a disk in a virtual machine, which is killed.
///
/// SECAM_V4L2_VM names the program that runs a command in such a machine, which may write to the folder in which it was
/// started; without it one beside the project is used, and without that the test is passed over.
@Suite struct PowerCutTests {
    private static let package = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let machine: String? = {
        let named = ProcessInfo.processInfo.environment["SECAM_V4L2_VM"]
        let path = named ?? package.appendingPathComponent("../shared/tools/v4l2-vm").standardized.path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    /// Replays the disk's own journal, as mounting it does, and takes its files out.
    private func readDisk(_ scratch: ScratchFolder) async throws {
        let replayed = try await Programs.run(
            "/sbin/e2fsck", ["-y", "-E", "journal_only", "disk.img"], in: scratch)
        guard replayed.status ?? 8 < 4 else { throw TestFailure("e2fsck: \(replayed.output) \(replayed.errors)") }
        try scratch.makeFolders("out")
        try await Programs.tool(["/sbin/debugfs", "-R", "rdump /recordings out", "disk.img"], in: scratch)
    }

    @Test(
        .enabled(if: PowerCutTests.machine != nil, "SECAM_V4L2_VM names no program, so there is no machine to cut off"))
    func `a power cut costs at most a second, and nothing is to be repaired`() async throws {
        let scratch = try ScratchFolder()
        try await Programs.tool(["truncate", "-s", "64M", "disk.img"], in: scratch)
        try await Programs.tool(["/sbin/mkfs.ext4", "-q", "disk.img"], in: scratch)
        let environment = ProcessInfo.processInfo.environment.filter { ["HOME", "XDG_CACHE_HOME"].contains($0.key) }
        let script = Self.package.appendingPathComponent("Tests/FaultTests/power-cut.sh").path
        let machine = try Programs.start(
            try #require(Self.machine),
            ["--devices", "0", "--mem", "1024", "--timeout", "600", "--", "/bin/bash", script, Programs.folder],
            in: scratch, environment: environment)
        defer { machine.kill() }
        // Some seconds into the recording.
        let first = try await eventually("something is recorded in the machine", seconds: 400) { () -> Int64? in
            if case .exited(125) = machine.ending { try Test.cancel("no machine can run here: \(machine.errors)") }
            if let ending = machine.ending { throw TestFailure("the machine ended (\(ending)): \(machine.errors)") }
            return alive(scratch)
        }
        try await eventually("six seconds in the machine", seconds: 200) { (alive(scratch) ?? 0) > first + 6_000_000 }
        machine.kill()
        let last = try #require(alive(scratch))
        try await readDisk(scratch)

        // As it is, before anything has looked at it: any player reads the file.
        let path = try #require(
            FileManager.default.enumerator(atPath: scratch.file("out/recordings"))?.compactMap { $0 as? String }
                .first { $0.hasSuffix(".mkv") })
        let probed = try await Programs.tool(
            [
                "ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0",
                "out/recordings/\(path)",
            ], in: scratch)
        #expect(try #require(Int(probed.output.trimmingCharacters(in: .whitespacesAndNewlines))) > 30)

        // As the next archive finds it.
        let index = try RecordingIndex(RecordingFolder(scratch.file("out/recordings")))
        let camera = try Name("demo")
        let vault = try Vault(
            index, writer: "test", limits: VaultLimits(bytes: nil, free: 0), logger: Logger(label: "test"))
        _ = try CameraTape(vault, camera: camera)
        let reader = TapeReader(index, camera: camera, from: .min, to: .max, interval: 0)
        var frames: [RecordedFrame] = []
        while let frame = try reader.next() { frames.append(frame) }
        let numbers = frames.map(\.sequence)
        #expect(numbers == Array(try #require(numbers.first)..<numbers[0] + UInt64(numbers.count)))
        // What was said last is older than the cut by what the machine took to say it.
        let missing = last - frames[frames.count - 1].timestamp
        #expect(missing < 1_500_000, "\(Double(missing) / 1e6) s are missing")
        #expect(try ArchiveCheck.compare(index).isEmpty)
    }

    private func alive(_ scratch: ScratchFolder) -> Int64? {
        Int64(scratch.text("alive").trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
