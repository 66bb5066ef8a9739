import Glibc
import SecamMedia
import SecamWire

/// A segment that is being written: the file, its map, and the parts of both that are on disk.
///
/// The order in which things become durable (see `Sources/SecamRecording/README.md`): frames, then the index, then the
/// acknowledgement.
final class SegmentFile {
    let id: Int64
    let camera: Name
    let path: String
    let size: (width: UInt16, height: UInt16)
    let incarnation: UInt64
    let start: Int64
    private let firstSequence: UInt64
    private let writer: MatroskaWriter
    private var map: FrameMap
    private(set) var last: FrameMap.Entry
    /// The size of the file including data in memory; an upper bound.
    private(set) var bytes: UInt64
    private var isDirty = false
    private let isSpooled: Bool

    /// An upper bound for the head of a Matroska file, and for each frame with its entry in the index at the end.
    static let headBytes: UInt64 = 4096
    static let frameBytes: UInt64 = 64

    var duration: Duration { .microseconds(last.time - start) }

    /// - Parameter isSpooled: whether the frames come from the camera's spool.
    init(
        id: Int64, camera: Name, path: String, absolutePath: String, first: Frame, isSpooled: Bool = false
    ) throws(RecordingError) {
        self.id = id
        self.camera = camera
        self.path = path
        self.isSpooled = isSpooled
        size = (first.width, first.height)
        incarnation = first.incarnation
        start = first.timestamp
        firstSequence = first.sequence
        map = FrameMap(start: first.timestamp)
        last = FrameMap.Entry(time: first.timestamp, sequence: first.sequence)
        bytes = Self.headBytes
        do {
            writer = try MatroskaWriter(
                path: absolutePath, width: Int(first.width), height: Int(first.height),
                startMicroseconds: first.timestamp, title: camera.text,
                tags: SegmentTags.of(
                    camera, incarnation: first.incarnation, sequence: first.sequence, isSpooled: isSpooled))
        } catch {
            throw .media(error)
        }
    }

    /// Whether the bytes begin like a JPEG and have a permitted length.
    static func isJPEG(_ bytes: RawSpan) -> Bool {
        guard (4...WireLimits.meshMessage).contains(bytes.byteCount) else { return false }
        return unsafe bytes.withUnsafeBytes { unsafe $0[0] == 0xff && $0[1] == 0xd8 }
    }

    /// - Parameters:
    ///   - jpeg: a picture that `isJPEG` accepts.
    ///   - time: UTC microseconds, not before the previous frame.
    func append(_ jpeg: RawSpan, time: Int64, sequence: UInt64) throws(RecordingError) {
        do {
            try writer.write(jpeg: jpeg, timestampMicroseconds: time)
        } catch {
            throw .media(error)
        }
        map.append(time: time, sequence: sequence)
        last = FrameMap.Entry(time: time, sequence: sequence)
        bytes += UInt64(jpeg.byteCount) + Self.frameBytes
        isDirty = true
    }

    /// Brings everything to the disk.
    ///
    /// - Returns: the contents on disk; `nil` if nothing has changed.
    func synchronize() throws(RecordingError) -> RecordingIndex.Progress? {
        guard isDirty else { return nil }
        do {
            try writer.synchronize()
        } catch {
            throw .media(error)
        }
        isDirty = false
        return progress
    }

    /// Completes the file.
    func finish() throws(RecordingError) {
        do {
            try writer.finish()
        } catch {
            throw .media(error)
        }
    }

    /// Discards everything that was written since another archive completed the file.
    ///
    /// - Parameter bytes: the size of the file at that time.
    func abandon(at bytes: UInt64, of path: String) {
        writer.abandon()
        _ = unsafe truncate(path, off_t(clamping: bytes))
    }

    var progress: RecordingIndex.Progress {
        RecordingIndex.Progress(
            id: id, camera: camera, incarnation: incarnation, sequence: last.sequence, end: last.time,
            frames: map.count, bytes: bytes, map: map.bytes, isSpooled: isSpooled)
    }
}

/// The metadata of a recording, from which the index can be rebuilt.
enum SegmentTags {
    static let camera = "SECAM_CAMERA"
    static let incarnation = "SECAM_INCARNATION"
    /// The number of the first frame.
    static let sequence = "SECAM_SEQUENCE"
    /// 1 for frames from the camera's spool, which are recorded beside the live ones.
    static let spooled = "SECAM_SPOOLED"

    static func of(
        _ camera: Name, incarnation: UInt64, sequence first: UInt64, isSpooled: Bool
    ) -> KeyValuePairs<String, String> {
        [
            self.camera: camera.text, self.incarnation: "\(incarnation)", sequence: "\(first)",
            spooled: isSpooled ? "1" : "0",
        ]
    }

    static func of(_ segment: SegmentRow) -> KeyValuePairs<String, String> {
        of(
            segment.camera, incarnation: segment.incarnation, sequence: segment.firstSequence,
            isSpooled: segment.isSpooled)
    }
}
