import Foundation
import Glibc
import Logging
import SecamRecording
import SecamTestSupport
import SecamWire
import Testing

/// Power cuts at random moments. The archive writes to a disk of its own, and the test examines copies of the disk,
/// which lack the data in the kernel's memory.
///
/// SECAM_POWER_CUTS is the number of cuts (default: 20). The test is skipped without loop devices.
@Suite struct PowerCutTests {
    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("power-cut.sh").path
    private static let cuts = ProcessInfo.processInfo.environment["SECAM_POWER_CUTS"].flatMap { Int($0) } ?? 20

    @Test(.enabled(if: geteuid() == 0, "only root can mount a disk"))
    func `a power cut costs at most the last moments and requires no repair`() async throws {
        let scratch = try ScratchFolder()
        let run = try Programs.start(
            "/usr/bin/unshare",
            ["--mount", "--propagation", "private", "/bin/bash", Self.script, Programs.folder, "\(Self.cuts)"],
            in: scratch, environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
        defer { run.kill() }
        let ending = try await eventually("all cuts", seconds: 600 + 10 * Self.cuts) { run.ending }
        if case .exited(125) = ending { try Test.cancel("no disk can be mounted here: \(run.errors)") }
        guard case .exited(0) = ending else {
            throw TestFailure("\(ending): \(run.errors) \(scratch.text("up.log").suffix(2000))")
        }
        for cut in 1...Self.cuts { try await check(cut, scratch) }
    }

    private func check(_ cut: Int, _ scratch: ScratchFolder) async throws {
        // Replays the file system's journal, like a mount, and extracts the files.
        let replayed = try await Programs.run(
            "/sbin/e2fsck", ["-y", "-E", "journal_only", "\(cut).img"], in: scratch)
        guard replayed.status ?? 8 < 4 else { throw TestFailure("e2fsck: \(replayed.output) \(replayed.errors)") }
        try scratch.makeFolders("out\(cut)")
        try await Programs.tool(["/sbin/debugfs", "-R", "rdump /recordings out\(cut)", "\(cut).img"], in: scratch)
        let time = try #require(Int64(scratch.text("\(cut).at").trimmingCharacters(in: .whitespacesAndNewlines)))

        let index = try RecordingIndex(RecordingFolder(scratch.file("out\(cut)/recordings")))
        let store = try RecordingStore(
            index, writer: "test", limits: StorageQuota(maximumBytes: nil, minimumFreeBytes: 0),
            logger: Logger(label: "test"))
        for name in ["front", "back"] {
            let camera = try Name(name)
            _ = try CameraRecorder(store, camera: camera)
            let reader = RecordingReader(index, camera: camera, from: .min, to: .max, interval: .zero)
            var numbers: [UInt64] = []
            var end: Int64 = 0
            while let frame = try reader.next() {
                numbers.append(frame.sequence)
                end = frame.timestamp
            }
            let first = try #require(numbers.first, "cut \(cut)")
            #expect(
                numbers == Array(first..<first + UInt64(numbers.count)), "cut \(cut): each frame once, none missing")
            // The frames of a second are written at once, and the machine is busy.
            #expect(time - end < 4_000_000, "cut \(cut): \(Double(time - end) / 1e6) s are missing")
        }
        #expect(try ArchiveCheck.compare(index).isEmpty, "cut \(cut)")
        #expect(try ArchiveCheck.verify(index).differences.isEmpty, "cut \(cut)")
        try FileManager.default.removeItem(atPath: scratch.file("out\(cut)"))
    }
}
