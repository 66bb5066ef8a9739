import Foundation
import Glibc
import SecamBase
import SecamMesh
import SecamRecording
import SecamWire

/// What an archive is to record, and where its cameras are.
struct LastAssignment: Sendable, Equatable {
    let cameras: [Roster.Member]
    let recording: Recording

    /// Bytes of one of its messages.
    private static let limit = 4 << 20

    /// - Parameter cameras: where those are that can be reached.
    init(_ recording: Recording, _ cameras: ReachableCameras) {
        self.recording = recording
        self.cameras = recording.cameras.compactMap { cameras[$0.camera] }
    }

    /// - Parameter bytes: a ROSTER and a RECORDING.
    init?(parsing bytes: [UInt8]) {
        var decoder = StreamDecoder(limit: LastAssignment.limit)
        decoder.append(bytes)
        guard case .message(let first, let roster)? = try? decoder.next(),
            case .message(let second, let recording)? = try? decoder.next(),
            let members = try? Roster.decode(roster.span, first).members,
            let duties = try? Recording.decode(recording.span, second)
        else { return nil }
        self.recording = duties
        cameras = members.filter { $0.role == .capture }
    }

    var bytes: [UInt8] { Roster(generation: 0, settling: false, members: cameras).encoded() + recording.encoded() }
}

/// A file beside the index in which an archive remembers its assignment. It is locked as long as the archive lives: one that
/// starts while the registry is away, or has just started itself, takes over the file of one that does not, and goes on with
/// what that says until the registry says something else.
///
/// It saves seconds, and nothing else depends on it: where it cannot be read or written, nothing is remembered.
final class AssignmentFile: Sendable {
    private static let prefix = "assignment-"

    private let folder: String
    private let name: String
    private let descriptor: Int32
    /// What was in the file.
    let assignment: LastAssignment?

    /// - Parameter name: for a new file, where there is none to be taken over.
    init?(in folder: RecordingFolder, name: Name) {
        self.folder = folder.index
        for old in AssignmentFile.names(folder.index) {
            guard let descriptor = AssignmentFile.lock("\(folder.index)/\(old)", O_RDWR) else { continue }
            self.name = old
            self.descriptor = descriptor
            assignment = (try? SecretFile.readBytes("\(folder.index)/\(old)")).flatMap(LastAssignment.init(parsing:))
            return
        }
        self.name = AssignmentFile.prefix + name.text
        guard let descriptor = AssignmentFile.lock("\(folder.index)/\(self.name)", O_RDWR | O_CREAT) else { return nil }
        self.descriptor = descriptor
        assignment = nil
    }

    deinit { close(descriptor) }

    /// Of all archives, those of the newest first.
    private static func names(_ folder: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let dated = files.filter { $0.hasPrefix(prefix) }.map { file in
            var status = stat()
            let isThere = unsafe stat("\(folder)/\(file)", &status) == 0
            return (file: file, written: isThere ? status.st_mtim.tv_sec : 0)
        }
        return dated.sorted { $0.written > $1.written }.map(\.file)
    }

    private static func lock(_ path: String, _ flags: Int32) -> Int32? {
        let descriptor = unsafe open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return nil }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    /// Writes what the registry has said. Archives that are gone have nothing to go on with any more.
    func write(_ assignment: LastAssignment) {
        // Not by another file in its place, since the lock belongs to this one. Half of it is none.
        let bytes = assignment.bytes
        _ = ftruncate(descriptor, 0)
        _ = unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        for other in AssignmentFile.names(folder) where other != name {
            guard let free = AssignmentFile.lock("\(folder)/\(other)", O_RDWR) else { continue }
            _ = unsafe unlink("\(folder)/\(other)")
            close(free)
        }
    }
}
