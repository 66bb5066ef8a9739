import SecamBase

/// Keeps the index from being rebuilt while an archive writes to it. Archives share the lock; a rebuild holds it alone.
package final class VolumeLock: Sendable {
    private let lock: FileLock

    /// Locks without waiting.
    ///
    /// - Parameter isAlone: whether the lock is for a rebuild, and excludes all archives.
    package init(_ folder: RecordingFolder, isAlone: Bool) throws(RecordingError) {
        try folder.make()
        let free: FileLock?
        do throws(SecretFile.Failure) {
            free = try FileLock(ifFree: "\(folder.index)/lock", isShared: !isAlone, permissions: 0o640)
        } catch {
            throw .file(path: error.path, operation: "locking", reason: error.reason)
        }
        guard let free else {
            throw .file(
                path: folder.path, operation: isAlone ? "rebuilding" : "recording",
                reason: isAlone
                    ? "an archive is recording there. Stop it first." : "its index is being rebuilt. Try again later.")
        }
        lock = free
    }
}
