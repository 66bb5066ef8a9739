import Glibc

/// Keeps the index from being made anew while an archive writes to it: archives share the lock, who rebuilds has it
/// alone. The end of the process lets it go.
package final class VolumeLock: Sendable {
    private let descriptor: Int32

    /// - Parameter isAlone: for who rebuilds; fails at once while an archive runs.
    package init(_ folder: RecordingFolder, isAlone: Bool) throws(RecordingError) {
        try folder.make()
        let path = "\(folder.index)/lock"
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw .file(path: path, operation: "opening", reason: unsafe String(cString: strerror(errno)))
        }
        guard flock(descriptor, (isAlone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 else {
            close(descriptor)
            throw .file(
                path: folder.path, operation: isAlone ? "rebuilding" : "recording",
                reason: isAlone ? "an archive records there; end it first" : "its index is being rebuilt; wait for that"
            )
        }
    }

    deinit { close(descriptor) }
}
