import SecamBase
import SecamRegistry
import Synchronization

/// The lock that lets only one `secam up` use a data folder.
final class FolderLock: Sendable {
    private let lock: Mutex<FileLock?>

    init(_ folder: DataFolder) throws {
        let lock: FileLock?
        do throws(SecretFile.Failure) { lock = try FileLock(ifFree: "\(folder.path)/lock") } catch {
            throw CommandError("\(error)", .noPermission)
        }
        guard let lock else {
            throw CommandError(
                "\(folder.path) is in use by another 'secam up'; end that one, or choose another folder with --data",
                .unavailable)
        }
        self.lock = Mutex(lock)
    }

    /// Releases the lock, as the end of the process does.
    func release() { lock.withLock { $0 = nil } }
}
