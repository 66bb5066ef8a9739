import Foundation
import Glibc
import SecamBase
import SecamRecording
import SecamWire

/// A file beside the index that holds an archive's assignment, and is locked while the archive runs.
///
/// An archive that starts while the registry is absent, or has just started itself, takes over the file of an archive
/// that has ended, and resumes its assignment until the registry sends another one. This saves seconds and nothing
/// depends on it. If the file cannot be read or written, nothing is saved.
final class AssignmentFile: Sendable {
    private static let prefix = "assignment-"

    private let folder: String
    private let name: String
    private let lock: FileLock
    /// The assignment that the file held.
    let assignment: LastAssignment?

    /// Takes over a file, or makes a new one.
    ///
    /// - Parameter name: the archive's name, for a new file.
    init?(in folder: RecordingFolder, name: Name) {
        self.folder = folder.index
        for old in AssignmentFile.names(folder.index) {
            let path = "\(folder.index)/\(old)"
            guard let lock = AssignmentFile.lock(path, isCreated: false) else { continue }
            self.name = old
            self.lock = lock
            assignment = (try? SecretFile.readBytes(path)).flatMap(LastAssignment.init(parsing:))
            return
        }
        self.name = AssignmentFile.prefix + name.text
        guard let lock = AssignmentFile.lock("\(folder.index)/\(self.name)", isCreated: true) else { return nil }
        self.lock = lock
        assignment = nil
    }

    /// Returns the names of all archives' files, the newest first.
    private static func names(_ folder: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let dated = files.filter { $0.hasPrefix(prefix) }.map { file in
            var status = stat()
            let isFound = unsafe stat("\(folder)/\(file)", &status) == 0
            return (file: file, written: isFound ? status.st_mtim.tv_sec : 0)
        }
        return dated.sorted { $0.written > $1.written }.map(\.file)
    }

    private static func lock(_ path: String, isCreated: Bool) -> FileLock? {
        do throws(SecretFile.Failure) {
            return try FileLock(ifFree: path, isCreated: isCreated)
        } catch {
            return nil
        }
    }

    /// Writes the registry's assignment, and removes the files of archives that have ended.
    func write(_ assignment: LastAssignment) {
        // Written in place, since the lock belongs to this file. An incomplete assignment is ignored when it is read.
        let bytes = assignment.bytes
        _ = ftruncate(lock.descriptor, 0)
        _ = unsafe bytes.withUnsafeBytes { unsafe pwrite(lock.descriptor, $0.baseAddress, $0.count, 0) }
        for other in AssignmentFile.names(folder) where other != name {
            let path = "\(folder)/\(other)"
            guard let lock = AssignmentFile.lock(path, isCreated: false) else { continue }
            _ = unsafe unlink(path)
            _ = consume lock
        }
    }
}
