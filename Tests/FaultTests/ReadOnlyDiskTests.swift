import Foundation
import Glibc
import SecamTestSupport
import Testing

/// A read-only disk is reported like a full one: in every listing, with the reason.
@Suite(.serialized, .enabled(if: geteuid() == 0, "only root can mount a disk")) struct ReadOnlyDiskTests {
    private static func recording(_ set: RunningSet) async throws -> (health: String, detail: String) {
        let camera = try await set.cameras()["demo"]
        return (camera?["recording"].text ?? "", camera?["detail"].text ?? "")
    }

    private static func waitForRecording(_ health: String, _ set: RunningSet) async throws {
        do {
            try await eventually("recording \(health)") { try await recording(set).health == health }
        } catch {
            throw TestFailure("\(error)\n\(set.up.errors)")
        }
    }

    private static func waitForFrames(_ set: RunningSet) async throws {
        try await eventually("frames on disk") {
            try await set.status("archive")["frames_recorded"].integer ?? 0 > 10
        }
    }

    @Test(arguments: ["continuous", "motion"])
    func `recording stops when an error makes the disk read-only and resumes when it is mounted again`(
        _ mode: String
    ) async throws {
        let scratch = try ScratchFolder()
        let disk = try await LoopDisk(in: scratch)
        let set = try await RunningSet(
            ["demo=test:160x120@10"], record: mode, recordings: "\(disk.path)/recordings", scratch: scratch)
        defer { set.up.kill() }
        try await Self.waitForRecording("on", set)
        if mode == "continuous" { try await Self.waitForFrames(set) }
        try await disk.fail()
        try await Self.waitForRecording("stopped", set)
        #expect(try await Self.recording(set).detail.contains("read-only"))
        let recordings = try await set.view(["recordings"])
        #expect(recordings.output.contains("RECORDING STOPPED") && recordings.output.contains("read-only"))
        let text = try await set.secam(["status"])
        #expect(text.status == 1 && text.output.contains("PROBLEM recording-stopped"), "\(text.output)")
        #expect(text.output.contains("cause: ") && text.output.contains("read-only"), "\(text.output)")
        let problem = try await set.status()["problems"].values.first { $0["kind"].text == "recording-stopped" }
        #expect(problem?["cause"].text?.contains("read-only") == true)
        let lines = set.up.errors.split(separator: "\n").filter { $0.contains(" archive/") && $0.contains(" error ") }
        #expect(lines.count == 1 && lines[0].contains("recording stopped"), "\(lines)")

        disk.unmount()
        try await set.killService("archive")
        // The earlier mount is released when the archive ends.
        try await eventually("a mounted disk") { try await disk.mount() }
        try await Self.waitForRecording("on", set)
        if mode == "continuous" { try await Self.waitForFrames(set) }
    }

    @Test func `recording resumes when the file system is writable again`() async throws {
        let scratch = try ScratchFolder()
        try scratch.makeFolders("recordings")
        let folder = scratch.file("recordings")
        let set = try await RunningSet(
            ["demo=test:160x120@10"], record: "motion", recordings: folder, scratch: scratch)
        defer { set.up.kill() }
        try await Self.waitForRecording("on", set)
        guard unsafe mount(folder, folder, nil, UInt(MS_BIND), nil) == 0 else {
            try Test.cancel("no mount: \(unsafe String(cString: strerror(errno)))")
        }
        defer { unsafe umount2(folder, Int32(MNT_DETACH)) }
        let isReadOnly = unsafe mount(folder, folder, nil, UInt(MS_BIND | MS_REMOUNT | MS_RDONLY), nil) == 0
        try #require(isReadOnly)
        try await Self.waitForRecording("stopped", set)
        let archive = try set.processes("archive")
        unsafe umount2(folder, Int32(MNT_DETACH))
        try await Self.waitForRecording("on", set)
        #expect(set.up.errors.contains("recording resumed"))
        #expect(try set.processes("archive") == archive, "without a restart")
    }
}
