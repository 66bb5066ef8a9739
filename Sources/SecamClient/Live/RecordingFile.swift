import Glibc
import SecamMedia
import SecamWire

/// The file, or files, of one recording. A Matroska file has one size of picture, and times that only go on: when the
/// camera changes its size or its clock, the recording goes on in a file with a number in its name.
struct RecordingFile: ~Copyable {
    /// Files of one recording; a camera that changes its size more often is not well.
    private static let fileLimit = 1000
    /// A frame whose time is before the last one's by less follows it at once; by more, the camera's clock was set
    /// back, and a new file begins. Microseconds.
    private static let tolerance: Int64 = 1_000_000

    private let path: String
    private let title: String
    private let replacing: Bool
    /// Whether there was no such file before.
    private let isNew: Bool
    private var writer: MatroskaWriter?
    /// Where the file is to be, and where it is while it is written.
    private var target = ""
    private var writing = ""
    private var size: (width: UInt16, height: UInt16) = (0, 0)
    /// Of the files so far, in order.
    private(set) var paths: [String] = []
    private var lastTimestamp: Int64 = 0

    /// Takes the name at once, so that one that cannot be used is noticed before there is anything to record.
    ///
    /// - Parameter path: `.mp4` is MP4, anything else Matroska; what says that it is something else is refused.
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

    /// Whether a frame has a time that a file can have.
    static func takes(_ header: Frame) -> Bool { MatroskaWriter.startTimes.contains(header.timestamp) }

    /// Appends a frame. One with a time that no file can have is left out.
    mutating func write(_ frame: ReceivedFrame) throws(ClientError) {
        let header = frame.header
        guard Self.takes(header) else { return }
        let isSetBack = header.timestamp < lastTimestamp - Self.tolerance
        if writer == nil || size != (header.width, header.height) || isSetBack { try open(header) }
        lastTimestamp = max(header.timestamp, lastTimestamp)
        do throws(MediaError) {
            try unsafe writer?.write(
                jpeg: frame.message.span.extracting(frame.payload).bytes, timestampMicroseconds: lastTimestamp)
        } catch .invalidFrame {
            // The gateway sent something else than a JPEG; the file is as it was.
        } catch {
            throw .recording(path: writing, reason: "\(error)")
        }
    }

    /// Completes the file; one that nothing was written to is removed.
    mutating func finish() throws(ClientError) {
        if paths.isEmpty, isNew { unsafe unlink(path) }
        try close()
    }

    private mutating func open(_ header: Frame) throws(ClientError) {
        try close()
        guard paths.count < Self.fileLimit else {
            throw .recording(
                path: path, reason: "the picture's size or the camera's clock changed \(paths.count) times")
        }
        target = paths.isEmpty ? path : Recorder.insert("-\(paths.count + 1)", into: path)
        if !paths.isEmpty { try Self.reserve(target, replacing: replacing) }
        let isMP4 = target.lowercased().hasSuffix(".mp4")
        // An MP4 is of no use before it is complete: so it does not have its name until then.
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
            throw .file(path: target, operation: "name", reason: FileIO.reason())
        }
    }

    private static func reserve(_ path: String, replacing: Bool) throws(ClientError) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (replacing ? 0 : O_EXCL)
        let descriptor = unsafe Glibc.open(path, flags, 0o644)
        guard descriptor >= 0 else {
            if errno == EEXIST { throw .fileExists(path: path) }
            throw .file(path: path, operation: "create", reason: FileIO.reason())
        }
        Glibc.close(descriptor)
    }
}
