import Glibc
import SecamBase
import SecamMedia
import SecamWire

/// The tree of recordings: `CAMERA/YYYY-MM-DD/HH-MM-SS.mkv` in UTC, and `.index`. `CameraFolder` names the folders of
/// cameras; none of them is named `.index`.
package struct RecordingFolder: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var index: String { "\(path)/.index" }
    package var database: String { "\(index)/index.sqlite" }
    private var probe: String { "\(index)/probe" }

    package var hasIndex: Bool { unsafe access(database, F_OK) == 0 }

    /// Makes the folder and the index's folder. Other users have no access unless the owner grants it.
    package func make() throws(RecordingError) {
        try RecordingFolder.makeFolder(path)
        try RecordingFolder.makeFolder(index)
    }

    /// Gives files that root made in the index's folder to the owner of the recordings, whose archive must write to
    /// them.
    func keepOwner() {
        var status = stat()
        guard geteuid() == 0, unsafe stat(path, &status) == 0, status.st_uid != 0 else { return }
        for file in [index, database, "\(index)/lock", "\(index)/opening", probe] {
            _ = unsafe lchown(file, status.st_uid, status.st_gid)
        }
    }

    /// Returns the absolute path of a recording. The index may contain forged paths, so a path that leads out of the
    /// folder becomes that of a file that never exists.
    package func absolute(_ relative: String) -> String {
        relative.split(separator: "/").contains("..") ? "\(index)/outside" : "\(path)/\(relative)"
    }

    /// Makes the folder of a camera's day durably and returns its path relative to this folder.
    func makeDay(_ camera: Name, at time: Int64) throws(RecordingError) -> String {
        let folder = CameraFolder.name(of: camera)
        let day = "\(folder)/\(RecordingFolder.date(time))"
        try RecordingFolder.makeFolder(absolute(folder), syncing: path)
        try RecordingFolder.makeFolder(absolute(day), syncing: absolute(folder))
        return day
    }

    /// Returns the path of a segment, relative to the folder.
    ///
    /// - Parameter attempt: counted from 1; the next one if the path exists already.
    static func segment(inDay day: String, at time: Int64, attempt: Int) -> String {
        let clock = UTCText.iso(microseconds: time).split(separator: "T")[1].prefix(8).map { $0 == ":" ? "-" : $0 }
        return "\(day)/\(String(clock))\(attempt == 1 ? "" : "-\(attempt)").mkv"
    }

    static func date(_ time: Int64) -> String {
        String(UTCText.iso(microseconds: time).split(separator: "T")[0])
    }

    /// Removes a file, and folders that become empty.
    func remove(_ relative: String) throws(RecordingError) {
        guard unsafe unlink(absolute(relative)) == 0 || errno == ENOENT else {
            throw RecordingFolder.error(absolute(relative), "removing")
        }
        var parts = relative.split(separator: "/").dropLast()
        while !parts.isEmpty, unsafe rmdir(absolute(parts.joined(separator: "/"))) == 0 { parts = parts.dropLast() }
    }

    /// Renames a file so that it no longer counts as a recording, and an operator can examine it.
    func renameDamaged(_ relative: String) throws(RecordingError) {
        let path = absolute(relative)
        guard unsafe rename(path, path + ".damaged") == 0 || errno == ENOENT else {
            throw RecordingFolder.error(path, "renaming")
        }
    }

    /// Whether a process is writing a recording.
    static func isWritten(_ path: String) -> Bool { FileLock.isLocked(path) }

    /// Returns the size of a file in bytes; `nil` if it does not exist.
    func size(_ relative: String) -> UInt64? {
        var status = stat()
        guard unsafe stat(absolute(relative), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return UInt64(status.st_size)
    }

    /// The identity of the folder. It changes when the disk is unmounted.
    var identity: FileIdentity? {
        var status = stat()
        guard unsafe stat(index, &status) == 0 else { return nil }
        return FileIdentity(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
    }

    struct FileIdentity: Equatable {
        let device: UInt64
        let number: UInt64
    }

    /// The free space on the disk in bytes, without the part reserved for root; `nil` if unknown.
    package var freeBytes: UInt64? {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { return nil }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }

    /// The number of files that can still be made on the disk; `nil` if its file system does not count them.
    var freeFiles: UInt64? {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0, status.f_files > 0 else { return nil }
        return UInt64(status.f_favail)
    }

    /// The size of the volume in bytes; `nil` if unknown.
    var volumeBytes: UInt64? {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { return nil }
        return UInt64(status.f_blocks) * UInt64(status.f_frsize)
    }

    /// Returns all recordings as sorted paths relative to the folder.
    func files() -> [String] {
        RecordingFolder.names(in: path).flatMap { folder in
            RecordingFolder.names(in: absolute(folder)).flatMap { files(inDay: "\(folder)/\($0)") }
        }
    }

    private func files(inDay day: String) -> [String] {
        RecordingFolder.names(in: absolute(day)).filter { $0.hasSuffix(".mkv") }.map { "\(day)/\($0)" }
    }

    /// Returns the recordings of a camera since a day as sorted paths relative to the folder.
    ///
    /// - Parameter time: any time of the first day, UTC microseconds.
    func files(of camera: Name, since time: Int64) -> [String] {
        let first = RecordingFolder.date(WireLimits.times.clamping(time))
        return CameraFolder.names(of: camera).flatMap { folder in
            RecordingFolder.names(in: absolute(folder)).filter { $0 >= first }.flatMap {
                files(inDay: "\(folder)/\($0)")
            }
        }
    }

    /// Brings a byte to the disk. Neither mount options nor permissions show that an error made a file system
    /// read-only.
    ///
    /// - Throws: `readOnly` or `file`. A full disk is not an error here.
    func checkWritable() throws(RecordingError) {
        let descriptor = unsafe open(probe, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else {
            if errno == ENOSPC || errno == EDQUOT { return }
            throw RecordingFolder.error(probe, "opening")
        }
        defer { close(descriptor) }
        var byte: UInt8 = 0
        guard unsafe pwrite(descriptor, &byte, 1, 0) == 1, fdatasync(descriptor) == 0 else {
            if errno == ENOSPC || errno == EDQUOT { return }
            throw RecordingFolder.error(probe, "writing")
        }
    }

    /// Brings a folder's entries to the disk.
    static func synchronize(_ folder: String) throws(RecordingError) {
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw error(folder, "opening") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw error(folder, "syncing") }
    }

    private static func makeFolder(_ path: String, syncing parent: String? = nil) throws(RecordingError) {
        guard unsafe mkdir(path, 0o750) == 0 else {
            var status = stat()
            let code = errno
            guard code == EEXIST, unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                errno = code
                throw error(path, "making the folder")
            }
            return
        }
        if let parent { try synchronize(parent) }
    }

    /// Returns the sorted names in a folder, without hidden ones.
    private static func names(in folder: String) -> [String] {
        FolderEntries.names(in: folder).filter { !$0.hasPrefix(".") }
    }

    private static func error(_ path: String, _ operation: String) -> RecordingError {
        let error = SystemError.last
        if error.code == ENOSPC || error.code == EDQUOT { return .media(.diskFull(path: path)) }
        if error.code == EROFS { return .readOnly(path: path) }
        return .file(path: path, operation: operation, reason: "\(error)")
    }
}
