import Foundation
import Glibc
import SecamBase
import SecamWire

/// A queue of frames on the disk, bounded by bytes; the oldest frames are evicted first. It blocks, and belongs to the
/// spool's thread.
///
/// The queue is a folder of files, numbered in the order of their frames. Acknowledged frames are deleted with their
/// whole file, so some of them may be read again after a restart.
final class SpoolStore {
    struct FrameID: Equatable {
        let incarnation: UInt64
        let sequence: UInt64
    }

    private struct File {
        let number: UInt64
        var byteCount: Int
    }

    private struct Position {
        /// Number of the file.
        var number: UInt64
        /// Byte position within the file.
        var position: Int
    }

    private let folder: String
    private let key: SpoolKey
    private let limit: Int
    private let fileLimit: Int
    /// Maximum size of a file, bytes. Resuming in the middle of a file decrypts everything before.
    private static let largestFile = 16 << 20
    /// Oldest first.
    private var files: [File] = []
    private var writer: SpoolFileWriter?
    private var isDirty = false
    private var reader: (number: UInt64, file: SpoolFileReader)?
    /// The end of the last frame that was read.
    private var read = Position(number: 0, position: 0)
    /// The end of the last frame that was acknowledged.
    private var acknowledged = Position(number: 0, position: 0)
    /// Frames that were read and not acknowledged, each with its end.
    private var unacknowledged: [(id: FrameID, position: Position)] = []

    /// Bytes evicted for newer frames since the start.
    private(set) var evictedBytes: UInt64 = 0
    /// Size of all files.
    private(set) var byteCount = 0

    /// Opens the spool that an earlier run of this camera left, if any.
    ///
    /// - Parameters:
    ///   - parent: the folder of all cameras' spools.
    ///   - limit: maximum size, bytes.
    init(in parent: String, key: SpoolKey, limit: Int) {
        folder = "\(parent)/\(key.name)"
        self.key = key
        self.limit = limit
        fileLimit = min(max(limit / 16, 1 << 16), SpoolStore.largestFile)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let numbers = names.filter { $0.hasSuffix(SpoolStore.suffix) }
            .compactMap { UInt64($0.dropLast(SpoolStore.suffix.count)) }
        files = numbers.sorted().compactMap { number in
            size(number).map { File(number: number, byteCount: $0) }
        }
        byteCount = files.reduce(0) { $0 + $1.byteCount }
    }

    private static let suffix = ".spool"

    private func path(_ number: UInt64) -> String {
        let digits = String(number)
        return "\(folder)/\(String(repeating: "0", count: max(0, 12 - digits.count)))\(digits)\(SpoolStore.suffix)"
    }

    private func size(_ number: UInt64) -> Int? {
        var status = stat()
        guard unsafe stat(path(number), &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    // MARK: Writing

    /// Appends a frame, and evicts the oldest ones to make room for it.
    func append(_ message: [UInt8]) throws(SpoolFailure) {
        let cost = message.count + SpoolFormat.overhead + SpoolFormat.lengthBytes
        if let writer, writer.byteCount + cost > fileLimit { try endFile() }
        while byteCount + cost + SpoolFormat.start > limit, files.count > (writer == nil ? 0 : 1) { removeOldest() }
        do throws(SpoolFailure) {
            try append(message, to: try openWriter())
        } catch {
            // Nothing after a partial record can be read, so the next record needs a new file.
            writer = nil
            guard error.isDiskFull, files.count > 1 else { throw error }
            removeOldest()
            try append(message, to: try openWriter())
        }
    }

    private func append(_ message: [UInt8], to writer: SpoolFileWriter) throws(SpoolFailure) {
        try writer.append(message)
        byteCount += writer.byteCount - files[files.count - 1].byteCount
        files[files.count - 1].byteCount = writer.byteCount
        isDirty = true
    }

    private func openWriter() throws(SpoolFailure) -> SpoolFileWriter {
        if let writer { return writer }
        do throws(SecretFile.Failure) {
            try SecretFile.makeFolder(folder)
        } catch {
            throw SpoolFailure(path: error.path, reason: error.reason)
        }
        let number = max(files.last?.number ?? 0, read.number, acknowledged.number) + 1
        let new = try SpoolFileWriter(path(number), key: key.bytes)
        files.append(File(number: number, byteCount: new.byteCount))
        byteCount += new.byteCount
        writer = new
        return new
    }

    private func endFile() throws(SpoolFailure) {
        try synchronize()
        writer = nil
    }

    /// Syncs the newest file to the disk.
    func synchronize() throws(SpoolFailure) {
        guard isDirty else { return }
        isDirty = false
        try writer?.synchronize()
    }

    private func removeOldest() {
        let file = files.removeFirst()
        evictedBytes += UInt64(file.byteCount)
        unlink(file)
    }

    private func unlink(_ file: File) {
        byteCount -= file.byteCount
        if reader?.number == file.number { reader = nil }
        unacknowledged.removeAll { $0.position.number == file.number }
        _ = unsafe Glibc.unlink(path(file.number))
    }

    // MARK: Reading

    /// Continues reading after the last acknowledged frame.
    func rewind() {
        read = acknowledged
        reader = nil
        unacknowledged = []
    }

    /// Returns the oldest frame that has not been read; `nil` if there is none now.
    ///
    /// - Parameter onLoss: called for a file that cannot be read to its end, with the number of lost bytes.
    func next(onLoss: (SpoolFailure, _ bytes: Int) -> Void) -> SpooledFrame? {
        while let file = files.first(where: { $0.number >= read.number }) {
            if file.number > read.number { read = Position(number: file.number, position: 0) }
            do throws(SpoolFailure) {
                if let record = try nextRecord(of: file) { return record }
            } catch {
                onLoss(error, max(0, file.byteCount - read.position))
            }
            // The file that is being written may grow.
            guard writer == nil || file.number != files.last?.number else { return nil }
            read = Position(number: file.number + 1, position: 0)
            reader = nil
            dropAcknowledged()
        }
        return nil
    }

    private func nextRecord(of file: File) throws(SpoolFailure) -> SpooledFrame? {
        let open = try openReader(file)
        while let message = try open.next() {
            let wasRead = open.position <= read.position
            guard !wasRead, let frame = SpooledFrame(message) else { continue }
            read.position = open.position
            unacknowledged.append((frame.id, read))
            return frame
        }
        return nil
    }

    private func openReader(_ file: File) throws(SpoolFailure) -> SpoolFileReader {
        if let reader, reader.number == file.number { return reader.file }
        let new = try SpoolFileReader(path(file.number), key: key.bytes)
        reader = (file.number, new)
        return new
    }

    /// All frames have been read and acknowledged.
    var isEmpty: Bool { files.isEmpty }

    /// Releases this frame and all that were read before it.
    func acknowledge(_ id: FrameID) {
        guard let index = unacknowledged.lastIndex(where: { $0.id == id }) else { return }
        acknowledged = unacknowledged[index].position
        unacknowledged.removeFirst(index + 1)
        dropAcknowledged()
    }

    /// Deletes the files whose frames are all acknowledged.
    private func dropAcknowledged() {
        let needed = unacknowledged.first?.position.number ?? read.number
        while let file = files.first, file.number < needed { unlink(files.removeFirst()) }
        guard unacknowledged.isEmpty, files.count == 1, let last = files.first, last.number == read.number,
            read.position >= last.byteCount
        else { return }
        writer = nil
        isDirty = false
        unlink(files.removeFirst())
    }
}

/// A frame of the spool, stored as a FRAME message without a flow.
struct SpooledFrame: Sendable {
    let header: Frame
    let payload: ArraySlice<UInt8>

    var id: SpoolStore.FrameID {
        SpoolStore.FrameID(incarnation: header.incarnation, sequence: header.sequence)
    }

    /// - Returns: `nil` if the bytes are not a FRAME message.
    init?(_ message: [UInt8]) {
        guard let envelope = try? Envelope.readWhole(message.span, limit: WireLimits.meshMessage),
            let (frame, range) = try? Frame.decode(message.span, envelope) as (Frame, Range<Int>)
        else { return nil }
        header = frame
        payload = message[range]
    }

    /// Returns the header for a flow.
    func header(flow: UInt32) -> Frame {
        Frame(
            flow: flow, rendition: header.rendition, format: header.format, incarnation: header.incarnation,
            sequence: header.sequence, timestamp: header.timestamp, width: header.width, height: header.height)
    }
}
