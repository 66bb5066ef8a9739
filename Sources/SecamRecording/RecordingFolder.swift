import Glibc
import SecamMedia
import SecamWire

/// The tree of recordings: `CAMERA/YYYY-MM-DD/HH-MM-SS.mkv` in UTC, each camera's folder as `CameraFolder` calls it, and
/// `.index`, which no camera's folder is called.
package struct RecordingFolder: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    package var index: String { "\(path)/.index" }
    package var database: String { "\(index)/index.sqlite" }
    private var probe: String { "\(index)/probe" }

    package var hasIndex: Bool { unsafe access(database, F_OK) == 0 }

    /// Makes the folder and the index's; whoever may read recordings must be let in by their owner.
    package func make() throws(RecordingError) {
        try RecordingFolder.makeFolder(path)
        try RecordingFolder.makeFolder(index)
    }

    /// What root makes in the index's folder is given to whoever owns the recordings, whose archive must write to it.
    func keepOwner() {
        var status = stat()
        guard geteuid() == 0, unsafe stat(path, &status) == 0, status.st_uid != 0 else { return }
        for file in [index, database, "\(index)/lock", "\(index)/opening", probe] {
            _ = unsafe lchown(file, status.st_uid, status.st_gid)
        }
    }

    /// - Parameter relative: from the index, which others may have written to: a path that leads out of the folder becomes
    ///   that of a file which is never there, so that nothing outside is read or removed.
    package func absolute(_ relative: String) -> String {
        relative.split(separator: "/").contains("..") ? "\(index)/outside" : "\(path)/\(relative)"
    }

    /// Makes the folder of a camera's day, durably.
    func makeDay(_ camera: Name, at time: Int64) throws(RecordingError) -> String {
        let folder = CameraFolder.name(of: camera)
        let day = "\(folder)/\(RecordingFolder.date(time))"
        try RecordingFolder.makeFolder(absolute(folder), syncing: path)
        try RecordingFolder.makeFolder(absolute(day), syncing: absolute(folder))
        return day
    }

    /// Where a segment that begins then is to be, relative to the folder.
    ///
    /// - Parameter attempt: from 1; a further one when the name is taken.
    static func segment(inDay day: String, at time: Int64, attempt: Int) -> String {
        let clock = UTCText.iso(microseconds: time).split(separator: "T")[1].prefix(8).map { $0 == ":" ? "-" : $0 }
        return "\(day)/\(String(clock))\(attempt == 1 ? "" : "-\(attempt)").mkv"
    }

    static func date(_ time: Int64) -> String {
        String(UTCText.iso(microseconds: time).split(separator: "T")[0])
    }

    /// Removes a file, and the folders that are empty without it.
    func remove(_ relative: String) throws(RecordingError) {
        guard unsafe unlink(absolute(relative)) == 0 || errno == ENOENT else {
            throw RecordingFolder.error(absolute(relative), "removing")
        }
        var parts = relative.split(separator: "/").dropLast()
        while !parts.isEmpty, unsafe rmdir(absolute(parts.joined(separator: "/"))) == 0 { parts = parts.dropLast() }
    }

    /// Takes a file out of the recordings: away, or to a name that is no recording's.
    func putAside(_ relative: String, isWorthless: Bool) throws(RecordingError) {
        if isWorthless { return try remove(relative) }
        let path = absolute(relative)
        guard unsafe rename(path, path + ".damaged") == 0 || errno == ENOENT else {
            throw RecordingFolder.error(path, "putting aside")
        }
    }

    /// Whether some process writes to a recording.
    static func isWritten(_ path: String) -> Bool {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }

    /// Bytes of a file; `nil` when there is none.
    func size(_ relative: String) -> UInt64? {
        var status = stat()
        guard unsafe stat(absolute(relative), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return UInt64(status.st_size)
    }

    /// Which folder of which file system it is; another one when its disk was unmounted.
    var place: Place? {
        var status = stat()
        guard unsafe stat(index, &status) == 0 else { return nil }
        return Place(device: UInt64(status.st_dev), number: UInt64(status.st_ino))
    }

    struct Place: Equatable {
        let device: UInt64
        let number: UInt64
    }

    /// Bytes that are free for us on the disk.
    package var freeBytes: UInt64? {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { return nil }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }

    /// Files that can still be made on the disk; `nil` where its file system does not count them.
    var freeFiles: UInt64? {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0, status.f_files > 0 else { return nil }
        return UInt64(status.f_favail)
    }

    /// Bytes of the volume; `nil` when it cannot be reached.
    var volumeBytes: UInt64? {
        var status = statvfs()
        guard unsafe statvfs(path, &status) == 0 else { return nil }
        return UInt64(status.f_blocks) * UInt64(status.f_frsize)
    }

    /// All recordings, relative to the folder; in order.
    func files() -> [String] {
        RecordingFolder.names(in: path).flatMap { folder in
            RecordingFolder.names(in: absolute(folder)).flatMap { files(inDay: "\(folder)/\($0)") }
        }
    }

    private func files(inDay day: String) -> [String] {
        RecordingFolder.names(in: absolute(day)).filter { $0.hasSuffix(".mkv") }.map { "\(day)/\($0)" }
    }

    /// The recordings of a camera in the folders of the days from a time on, relative to the folder; in order.
    ///
    /// - Parameter time: UTC microseconds.
    func files(of camera: Name, since time: Int64) -> [String] {
        let first = RecordingFolder.date(WireLimits.times.clamping(time))
        return CameraFolder.names(of: camera).flatMap { folder in
            RecordingFolder.names(in: absolute(folder)).filter { $0 >= first }.flatMap {
                files(inDay: "\(folder)/\($0)")
            }
        }
    }

    /// Brings a byte to the disk, as a frame would be: whether that is possible shows only so, since neither the mount's
    /// options nor permissions tell of a file system that an error has made read-only.
    ///
    /// - Throws: `readOnly`, `file`. A full disk is no error here.
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

    /// Waits until a folder's entries are on the disk.
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

    private static func names(in folder: String) -> [String] {
        guard let directory = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    private static func error(_ path: String, _ operation: String) -> RecordingError {
        let code = errno
        if code == ENOSPC || code == EDQUOT { return .media(.diskFull(path: path)) }
        if code == EROFS { return .readOnly(path: path) }
        return .file(path: path, operation: operation, reason: unsafe String(cString: strerror(code)))
    }
}
