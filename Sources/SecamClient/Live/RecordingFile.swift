import Glibc
import SecamBase
import SecamMedia
import SecamWire

/// The file or files of one recording. A Matroska file has one picture size, and times that never go back. When the
/// camera changes its picture size or its clock, the recording continues in a file with a number in its name.
struct RecordingFile: ~Copyable {
    /// Files of one recording; a camera that needs more is faulty.
    private static let fileLimit = 1000
    /// A frame that is older than the one before it by more than this begins a new file: the camera's clock was set back.
    private static let clockTolerance: Duration = .seconds(1)

    private let path: String
    private let title: String
    private let replacing: Bool
    /// Whether there was no file at `path` before.
    private let isNew: Bool
    private var writer: MatroskaWriter?
    /// Path of the present file when it is complete.
    private var target = ""
    /// Path of the present file until it is complete.
    private var writing = ""
    private var size: (width: UInt16, height: UInt16) = (0, 0)
    /// Paths of the files so far, in order.
    private(set) var paths: [String] = []
    private var lastTimestamp: Int64 = 0

    /// Creates the file at once, so that an unusable name is an error before anything is recorded.
    ///
    /// - Parameter path: ends with `.mp4` for MP4, with `.mkv` or no extension for Matroska; another extension is an error.
    init(path: String, title: String, replacing: Bool) throws(ClientError) {
        self.path = path
        self.title = title
        self.replacing = replacing
        isNew = !FileIO.exists(path)
        try Self.checkName(path)
        try Self.reserve(path, replacing: replacing)
    }

    private static func checkName(_ path: String) throws(ClientError) {
        let name = path.split(separator: "/").last ?? ""
        let suffix = name.lastIndex(of: ".").map { name[name.index(after: $0)...].lowercased() } ?? "mkv"
        guard ["mkv", "mp4"].contains(suffix), name != "-" else {
            throw .badOption(option: "file", value: path, expected: "a name that ends with .mkv or .mp4")
        }
    }

    /// Returns whether a file can hold the frame's time.
    static func canHold(_ header: Frame) -> Bool { MatroskaWriter.startTimes.contains(header.timestamp) }

    /// Appends a frame. It ignores a frame whose time a file cannot hold.
    mutating func write(_ frame: ReceivedFrame) throws(ClientError) {
        let header = frame.header
        guard Self.canHold(header) else { return }
        let isSetBack = header.timestamp < lastTimestamp - Self.clockTolerance.microseconds
        if writer == nil || size != (header.width, header.height) || isSetBack { try open(header) }
        lastTimestamp = max(header.timestamp, lastTimestamp)
        do throws(MediaError) {
            try unsafe writer?.write(
                jpeg: frame.message.span.extracting(frame.payload).bytes, timestampMicroseconds: lastTimestamp)
        } catch .invalidFrame {
            // The gateway sent no JPEG; the file is unchanged.
        } catch {
            throw .recording(path: writing, reason: "\(error)")
        }
    }

    /// Completes the file, or removes it when it is new and empty.
    mutating func finish() throws(ClientError) {
        if paths.isEmpty, isNew { unsafe unlink(path) }
        try close()
    }

    private mutating func open(_ header: Frame) throws(ClientError) {
        try close()
        guard paths.count < Self.fileLimit else {
            throw .recording(
                path: path, reason: "the picture size or the camera's clock changed \(paths.count) times")
        }
        target = paths.isEmpty ? path : Recorder.insert("-\(paths.count + 1)", into: path)
        if !paths.isEmpty { try Self.reserve(target, replacing: replacing) }
        let isMP4 = target.lowercased().hasSuffix(".mp4")
        // No player can read an incomplete MP4, so the file gets its name only when it is complete.
        writing = isMP4 ? "\(target).part" : target
        paths.append(target)
        size = (header.width, header.height)
        lastTimestamp = header.timestamp
        do throws(MediaError) {
            writer = try MatroskaWriter(
                path: writing, width: Int(header.width), height: Int(header.height),
                startMicroseconds: header.timestamp, title: title,
                container: isMP4 ? .mp4 : .matroska, replacing: true)
        } catch {
            throw .recording(path: writing, reason: "\(error)")
        }
    }

    private mutating func close() throws(ClientError) {
        guard let open = writer.take() else { return }
        do throws(MediaError) {
            try open.finish()
        } catch {
            throw .recording(path: writing, reason: "\(error)")
        }
        guard writing != target else { return }
        guard unsafe rename(writing, target) == 0 else {
            throw .file(path: target, operation: "create", reason: "\(SystemError.last)")
        }
    }

    private static func reserve(_ path: String, replacing: Bool) throws(ClientError) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replacing ? 0 : O_EXCL)
        let descriptor = unsafe Glibc.open(path, flags, MatroskaWriter.permissions)
        guard descriptor >= 0 else {
            if errno == EEXIST { throw .fileExists(path: path) }
            throw .file(path: path, operation: "create", reason: "\(SystemError.last)")
        }
        Glibc.close(descriptor)
    }
}
