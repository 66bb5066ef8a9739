package import SecamBase
package import SecamMedia
import SecamWire

/// Why recordings cannot be written, found or read, and what to do about it.
package enum RecordingError: Error, Sendable, CustomStringConvertible {
    case media(MediaError)
    case file(path: String, operation: String, reason: String)
    /// The limits are reached, and nothing may be removed to make room.
    case noRoom(path: String, limit: UInt64)
    /// Less than what is to stay free on the disk is, and nothing may be removed to make room.
    case tooLittleFree(path: String, limit: UInt64)
    /// The disk's file system can hold hardly any more files.
    case tooFewFiles(path: String)
    /// There is no room, and everything is younger than what is to be kept at least.
    case keptTooLong(path: String, least: Duration)
    /// The disk's file system takes no writes.
    case readOnly(path: String)
    /// The folder is another one than when recording began.
    case moved(path: String)
    /// It is, and that one has an index.
    case remounted(path: String)
    case index(path: String, operation: String, reason: String)
    /// The index was made by a newer secam.
    case newerIndex(path: String)
    case digest(path: String, reason: String)
    /// Another archive is about to complete this camera's recording.
    case busy(path: String)
    /// Another archive has taken this recording over.
    case superseded(path: String)
    /// The size or the time of a camera's pictures changes all the time.
    case restless(camera: String)

    package var description: String {
        switch self {
        case .media(let error): "\(error)"
        case .file(let path, let operation, let reason): "\(path): \(operation) failed: \(reason)"
        case .noRoom(let path, let limit):
            "\(path): the recordings reach their limit of \(limit >> 20) MiB and all of them are protected or being "
                + "written; raise the limit, or let some go"
        case .tooLittleFree(let path, let limit):
            "\(path): of the disk less than \(limit >> 20) MiB are free, which are to stay free (--free-megabytes), and no "
                + "recording may go; make room, or set less"
        case .tooFewFiles(let path):
            "\(path): the disk can hold hardly any more files (df -i), and no recording may go; remove other files from it"
        case .keptTooLong(let path, let least):
            "\(path): there is no room, and every recording is younger than the \(least.components.seconds / 3600) h that are "
                + "to be kept at least (--keep-at-least); make room, or set less"
        case .readOnly(let path):
            "\(path): the file system is read-only; after an error of the disk the kernel makes it so (dmesg): check the "
                + "disk and mount it again"
        case .moved(let path):
            "\(path): is not the folder any more that it was; was its disk unmounted?"
        case .remounted(let path): "\(path): its disk was mounted anew; the archive must start again"
        case .index(let path, let operation, let reason):
            "\(path): \(operation) failed: \(reason); if the index is damaged, 'secam archive rebuild' makes it anew "
                + "from the recordings"
        case .newerIndex(let path): "\(path): was made by a newer secam; update this one"
        case .digest(let path, let reason): "\(path): cannot be hashed: \(reason)"
        case .busy(let path): "\(path): another archive still writes to it"
        case .superseded(let path): "\(path): another archive has taken it over"
        case .restless(let camera):
            "\(camera): the size or the time of its pictures changes all the time; the rest is asked for again later"
        }
    }

    /// Whether the disk has no room, so that removing something could help.
    package var isDiskFull: Bool {
        switch self {
        case .media(.diskFull), .noRoom, .tooLittleFree, .tooFewFiles, .keptTooLong: true
        default: false
        }
    }
}

extension RecordingError: ProgramError {
    package var exitStatus: ExitStatus {
        switch self {
        case .newerIndex, .index: .data
        case .noRoom, .tooLittleFree, .tooFewFiles, .keptTooLong, .moved, .remounted, .busy, .superseded, .restless:
            .unavailable
        case .media, .file, .digest, .readOnly: .inputOutput
        }
    }
}
