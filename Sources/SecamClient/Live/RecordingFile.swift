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
    private var writing = ""
    private var size: (width: UInt16, height: UInt16) = (0, 0)
    private var files = 0
    private var lastTimestamp: Int64 = 0

    /// Takes the name at once, so that one that cannot be used is noticed before there is anything to record.
    init(path: String, title: String, replacing: Bool) throws(ClientError) {
        self.path = path
        self.title = title
        self.replacing = replacing
        isNew = !FileIO.exists(path)
        try Self.reserve(path, replacing: replacing)
    }

    mutating func write(_ frame: ReceivedFrame) throws(ClientError) {
        let header = frame.header
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
        if files == 0, isNew { unsafe unlink(path) }
        try close()
    }

    private mutating func open(_ header: Frame) throws(ClientError) {
        try close()
        guard files < Self.fileLimit else {
            throw .recording(path: path, reason: "the picture's size or the camera's clock changed \(files) times")
        }
        writing = files == 0 ? path : Recorder.insert("-\(files + 1)", into: path)
        if files > 0 { try Self.reserve(writing, replacing: replacing) }
        files += 1
        size = (header.width, header.height)
        lastTimestamp = header.timestamp
        do throws(MediaError) {
            writer = try MatroskaWriter(
                path: writing, width: Int(header.width), height: Int(header.height),
                startMicroseconds: header.timestamp, title: title,
                container: writing.lowercased().hasSuffix(".mp4") ? .mp4 : .matroska, replacing: true)
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
