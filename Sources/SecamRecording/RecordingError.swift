package import SecamBase
package import SecamMedia
import SecamWire

/// An error of writing, finding or reading recordings, with its remedy.
package enum RecordingError: Error, Sendable, CustomStringConvertible {
    case media(MediaError)
    case file(path: String, operation: String, reason: String)
    /// The recordings reach their maximum size, and none may be removed.
    case noRoom(path: String, limit: UInt64)
    /// Free space is below the reserve, and no recording may be removed.
    case tooLittleFree(path: String, limit: UInt64)
    /// The file system is almost out of inodes, and no recording may be removed.
    case tooFewFiles(path: String)
    /// There is no room, and every recording is younger than the minimum retention.
    case minimumRetention(path: String, least: Duration)
    /// The file system is read-only.
    case readOnly(path: String)
    /// The folder is not the one that was opened, as after its disk was unmounted.
    case folderReplaced(path: String)
    /// The folder is not the one that was opened, and has an index.
    case remounted(path: String)
    case index(path: String, operation: String, reason: String)
    /// A newer version of secam wrote the index.
    case newerIndex(path: String)
    case digest(path: String, reason: String)
    /// Another archive is still writing this recording.
    case busy(path: String)
    /// Another archive has taken this recording over.
    case superseded(path: String)
    /// The size, time or numbering of a camera's pictures changes too often.
    case tooManySegments(camera: String)

    package var description: String {
        switch self {
        case .media(let error): "\(error)"
        case .file(let path, let operation, let reason): "\(path): \(operation) failed: \(reason)"
        case .noRoom(let path, let limit):
            "\(path): the recordings have reached their limit of \(limit >> 20) MiB, and all are protected or being "
                + "written. Raise the limit (--max-megabytes), or release some recordings."
        case .tooLittleFree(let path, let limit):
            "\(path): less than \(limit >> 20) MiB of the disk are free, and no recording may be removed. Free some "
                + "space, or lower the reserve (--free-megabytes)."
        case .tooFewFiles(let path):
            "\(path): the disk is almost out of inodes (df -i), and no recording may be removed. Remove other files."
        case .minimumRetention(let path, let least):
            "\(path): the disk is full, and every recording is younger than \(least.components.seconds / 3600) h. Free "
                + "some space, or lower the minimum retention (--keep-at-least)."
        case .readOnly(let path):
            "\(path): the file system is read-only, as after a disk error (dmesg). Check the disk and mount it again."
        case .folderReplaced(let path):
            "\(path): the folder has been replaced; was its disk unmounted? Mount it again."
        case .remounted(let path): "\(path): the disk was mounted again, so the archive must restart"
        case .index(let path, let operation, let reason):
            "\(path): \(operation) failed: \(reason). If the index is damaged, rebuild it from the recordings with "
                + "'secam archive rebuild'."
        case .newerIndex(let path): "\(path): was written by a newer version of secam. Update secam."
        case .digest(let path, let reason): "\(path): hashing failed: \(reason)"
        case .busy(let path): "\(path): another archive is still writing to it"
        case .superseded(let path): "\(path): another archive has taken it over"
        case .tooManySegments(let camera):
            "\(camera): the size, time or numbering of its pictures changes too often. The archive retries later."
        }
    }

    /// Whether removing something could help.
    package var isDiskFull: Bool {
        switch self {
        case .media(.diskFull), .noRoom, .tooLittleFree, .tooFewFiles, .minimumRetention: true
        default: false
        }
    }
}

extension RecordingError: ProgramError {
    package var exitStatus: ExitStatus {
        switch self {
        case .newerIndex, .index: .data
        case .noRoom, .tooLittleFree, .tooFewFiles, .minimumRetention, .folderReplaced, .remounted, .busy, .superseded,
            .tooManySegments:
            .unavailable
        case .media, .file, .digest, .readOnly: .inputOutput
        }
    }
}
