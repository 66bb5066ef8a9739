import Foundation
import Glibc
import SecamTestSupport
import Testing

/// A disk for a test, in a file. Requires root and loop devices.
final class LoopDisk: Sendable {
    let path: String
    private let image: String
    private let scratch: ScratchFolder

    /// Cancels the test if no disk can be mounted.
    init(in scratch: ScratchFolder) async throws {
        self.scratch = scratch
        path = scratch.file("disk")
        image = scratch.file("disk.img")
        try scratch.makeFolders("disk")
        try await Programs.tool(["truncate", "-s", "64M", image], in: scratch)
        let path = "PATH=/sbin:/usr/sbin:/bin:/usr/bin"
        let made = try await Programs.run("/usr/bin/env", [path, "mkfs.ext4", "-q", image], in: scratch)
        guard made.status == 0, try await mount() else {
            try Test.cancel("no disk can be mounted here: \(made.errors)")
        }
    }

    deinit { unsafe umount2(path, Int32(MNT_DETACH)) }

    /// Mounts the disk. Fails while a program has files of an earlier mount open.
    ///
    /// - Returns: whether the disk is mounted.
    func mount() async throws -> Bool {
        guard try await Programs.run("/usr/bin/env", ["losetup", "-j", image], in: scratch).output.isEmpty else {
            return false
        }
        let mounted = try await Programs.run(
            "/usr/bin/env", ["mount", "-o", "loop,errors=remount-ro", image, path], in: scratch)
        guard mounted.status == 0 else { return false }
        // While the earlier mount is being released, the kernel mounts that file system once more, with its error.
        // Since Linux 6.15, statvfs(3) no longer reports it as read-only, so only a write tells.
        let probe = scratch.file("disk/.writable")
        guard FileManager.default.createFile(atPath: probe, contents: nil) else {
            unmount()
            return false
        }
        try FileManager.default.removeItem(atPath: probe)
        return true
    }

    /// Detaches the mount. The disk is released when the last open file is closed.
    func unmount() { unsafe umount2(path, Int32(MNT_DETACH)) }

    /// Makes the kernel report an error of the file system, after which it refuses all writes.
    func fail() async throws {
        let source = try await Programs.tool(["findmnt", "-no", "SOURCE", path], in: scratch).output
        let device = source.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: "/").last ?? ""
        let trigger = "/sys/fs/ext4/\(device)/trigger_fs_error"
        guard let file = FileHandle(forWritingAtPath: trigger) else { try Test.cancel("\(trigger) is missing") }
        try file.write(contentsOf: Data("1".utf8))
    }
}
