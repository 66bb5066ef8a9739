package import Logging
import SecamBase
import SecamMedia
package import SecamWire

/// The disk space that recordings may take.
package struct StorageQuota: Sendable, Equatable {
    /// The maximum size of all recordings; `nil` if only free space limits it.
    package var maximumBytes: UInt64?
    /// Bytes that stay free on the disk.
    package var minimumFreeBytes: UInt64
    /// Younger recordings are never removed to make room. Recording stops instead.
    package var minimumRetention: Duration

    package init(maximumBytes: UInt64?, minimumFreeBytes: UInt64, minimumRetention: Duration = .zero) {
        self.maximumBytes = maximumBytes
        self.minimumFreeBytes = minimumFreeBytes
        self.minimumRetention = minimumRetention
    }

    /// The number of files that stay free, on file systems that count them.
    static let freeFiles: UInt64 = 256
}

/// The recordings of one volume while they are being written. It belongs to one thread.
package final class RecordingStore {
    package let index: RecordingIndex
    /// The name of the archive that writes, for others on the volume.
    package let writer: String
    private let limits: StorageQuota
    let logger: Logger
    private(set) var storedBytes: UInt64
    private var freeBytes: UInt64
    private var hasFreeFiles: Bool
    private let identity: RecordingFolder.FileIdentity?
    /// Bytes reserved for a file that is written besides the recordings.
    private var reservedBytes: UInt64 = 0
    /// Bytes written since `freeBytes` was read, and since `storedBytes` was read.
    private var writtenSinceRefresh: UInt64 = 0
    private var writtenSinceSum: UInt64 = 0
    var removals = RemovalSummary()
    /// Recordings whose compression failed, by row, with the time of the next attempt.
    var compressionPauses: [Int64: MonotonicTime] = [:]
    /// The camera whose recording was compressed last. Cameras take turns.
    var lastCompressed: Name?
    /// The recordings removed so far of gone cameras whose removal continues.
    var goneRemovals: [Name: (count: Int, bytes: UInt64)] = [:]
    /// The doubt at the last check; `nil` if the wall clock is trusted.
    var doubt: RetentionClock.Doubt?
    var nextReminder = MonotonicTime.now

    /// The time between two attempts to compress a recording.
    static let compressionPause = Duration.seconds(600)
    /// Bytes written between two readings of the free space, and of the size of all recordings, which takes longer.
    /// Other programs write to the disk too.
    private static let refreshInterval: UInt64 = 1 << 20
    private static let sumInterval: UInt64 = 16 << 20

    package init(_ index: RecordingIndex, writer: String, limits: StorageQuota, logger: Logger) throws(RecordingError) {
        self.index = index
        self.writer = writer
        self.limits = limits
        self.logger = logger
        storedBytes = try index.storedBytes()
        freeBytes = index.folder.freeBytes ?? .max
        hasFreeFiles = index.folder.freeFiles ?? .max >= StorageQuota.freeFiles
        identity = index.folder.identity
    }

    package var figures: [Figure] {
        // An absent disk has no free space.
        [
            Figure(.bytesStored, storedBytes), Figure(.bytesFree, freeBytes == .max ? 0 : freeBytes),
            Figure(.clockDoubted, doubt == nil ? 0 : 1), Figure(.diskLow, isDiskLow ? 1 : 0),
        ]
    }

    /// Whether the disk has little left above its reserve: 5 % of its size, and at most 10 GiB.
    private var isDiskLow: Bool {
        guard let size = index.folder.volumeBytes else { return false }
        return freeBytes < limits.minimumFreeBytes.addingSaturated(min(size / 20, 10 << 30))
    }

    /// An explanation of a low disk for operators; `nil` if the disk is not low.
    package var diskLowCause: String? {
        guard isDiskLow, let size = index.folder.volumeBytes else { return nil }
        let used = size - min(size, freeBytes)
        let others = used - min(used, storedBytes)
        return
            "\(index.folder.path): \(freeBytes >> 20) of \(size >> 20) MiB are free, \(limits.minimumFreeBytes >> 20) MiB are "
            + "the reserve (--free-megabytes); recordings take \(storedBytes >> 20) MiB, other files \(others >> 20) MiB"
    }

    /// Reads the size of the recordings and the free space again, since other archives may write to the volume too.
    package func refreshUsage() throws(RecordingError) {
        storedBytes = try index.storedBytes()
        writtenSinceSum = 0
        refreshFreeSpace()
    }

    private func refreshFreeSpace() {
        freeBytes = index.folder.freeBytes ?? .max
        hasFreeFiles = index.folder.freeFiles ?? .max >= StorageQuota.freeFiles
        writtenSinceRefresh = 0
    }

    /// The size at which a segment ends. Only complete segments can be removed, so a small disk needs small ones.
    var largestSegment: UInt64 {
        let (sum, isMore) = storedBytes.addingReportingOverflow(freeBytes - min(freeBytes, limits.minimumFreeBytes))
        let room = min(limits.maximumBytes ?? .max, isMore ? .max : sum)
        return max(1 << 20, min(1 << 30, room / 16))
    }

    /// Makes room by removing recordings, and counts the bytes as stored; see `removable(for:of:)`.
    ///
    /// - Parameter camera: the camera that the bytes belong to, if any.
    /// - Throws: `noRoom`, `tooLittleFree`, `tooFewFiles` or `minimumRetention` if nothing may be removed.
    func makeRoom(for bytes: UInt64, of camera: Name? = nil) throws(RecordingError) {
        if writtenSinceSum >= RecordingStore.sumInterval {
            try refreshUsage()
        } else if writtenSinceRefresh >= RecordingStore.refreshInterval {
            refreshFreeSpace()
        }
        while exceedsLimits(bytes) {
            guard let oldest = try removable(for: bytes, of: camera) else { throw noRoomError() }
            try remove(oldest, reason: "to make room")
            if try index.segment(oldest.id) == oldest { throw noRoomError() }
        }
        storedBytes += bytes
        writtenSinceRefresh += bytes
        writtenSinceSum += bytes
    }

    /// Returns the segment to remove next to make room. Each camera has an equal share of the total. A camera beyond
    /// its share makes room from its own recordings, and for other cameras before they lose anything. A camera that
    /// records too much, by mistake or on purpose, therefore displaces other recordings only beyond their own share.
    private func removable(for bytes: UInt64, of camera: Name?) throws(RecordingError) -> SegmentRow? {
        let floor = try minimumRetentionStart()
        var usage = try index.usage()
        if let camera { usage[camera] = (usage[camera] ?? 0).addingSaturated(bytes) }
        let share = (limits.maximumBytes ?? storedBytes.addingSaturated(bytes)) / UInt64(max(1, usage.count))
        if let camera, usage[camera] ?? 0 > share, let own = try index.oldestRemovable(of: camera, before: floor) {
            return own
        }
        var oldest: SegmentRow?
        for (other, bytes) in usage where bytes > share {
            guard let found = try index.oldestRemovable(of: other, before: floor) else { continue }
            if oldest.map({ found.arrival < $0.arrival }) ?? true { oldest = found }
        }
        if let oldest { return oldest }
        // No row counts the bytes of open segments, so this camera may be near its share.
        if let camera, let own = try index.oldestRemovable(of: camera, before: floor) { return own }
        return try index.oldestRemovable(of: nil, before: floor)
    }

    /// The time from which arrivals are not removed to make room; `nil` if everything may be removed.
    private func minimumRetentionStart() throws(RecordingError) -> RetentionTime? {
        guard limits.minimumRetention > .zero else { return nil }
        return try index.advanceClock().clock.time.advanced(by: .zero - limits.minimumRetention)
    }

    private func exceedsLimits(_ bytes: UInt64) -> Bool {
        if let maximum = limits.maximumBytes, storedBytes + reservedBytes + bytes > maximum { return true }
        return !hasFreeFiles || freeBytes < limits.minimumFreeBytes + reservedBytes + writtenSinceRefresh + bytes
    }

    /// Reserves room for a file that is written besides the recordings, by removing the oldest recordings.
    ///
    /// - Throws: as `makeRoom(for:of:)`.
    func reserve(_ bytes: UInt64) throws(RecordingError) {
        reservedBytes = bytes
        do throws(RecordingError) {
            try makeRoom(for: 0)
        } catch {
            reservedBytes = 0
            throw error
        }
    }

    func unreserve() { reservedBytes = 0 }

    private func noRoomError() -> RecordingError {
        if !hasFreeFiles { return .tooFewFiles(path: index.folder.path) }
        if limits.minimumRetention > .zero {
            return .minimumRetention(path: index.folder.path, least: limits.minimumRetention)
        }
        if let maximum = limits.maximumBytes, storedBytes >= maximum {
            return .noRoom(path: index.folder.path, limit: maximum)
        }
        return .tooLittleFree(path: index.folder.path, limit: limits.minimumFreeBytes)
    }

    /// Subtracts bytes that were counted but not written, or were removed by replacing a file.
    func release(_ bytes: UInt64) {
        storedBytes -= min(storedBytes, bytes)
        writtenSinceRefresh -= min(writtenSinceRefresh, bytes)
    }

    /// Checks that the folder is still the one that was opened. After a disk was unmounted, it is an empty folder.
    ///
    /// - Throws: `folderReplaced`.
    package func checkIdentity() throws(RecordingError) {
        guard identity == index.folder.identity else { throw .folderReplaced(path: index.folder.path) }
    }

    /// Checks that data can be brought to the disk.
    ///
    /// - Throws: `folderReplaced`, `readOnly` or `file`. A full disk is not an error here.
    package func checkWritable() throws(RecordingError) {
        try checkIdentity()
        try index.folder.checkWritable()
    }

    /// Removes a camera's recordings for an operator, except protected ones and those being written.
    ///
    /// - Parameter time: only recordings that end before it, UTC microseconds.
    /// - Returns: the number and size of the removed recordings, and the number of others that begin before the time.
    package func remove(
        allOf camera: Name, before time: Int64
    ) throws(RecordingError) -> (count: Int, bytes: UInt64, left: Int) {
        var (count, bytes, left) = (0, UInt64(0), 0)
        for segment in try index.segments(of: camera, from: .min, to: time) {
            guard segment.state == .complete, !segment.isProtected, segment.end < time else {
                left += 1
                continue
            }
            try remove(segment, reason: "by hand")
            count += 1
            bytes += segment.bytes
        }
        try index.removeEvents(of: camera, before: try index.advanceClock().clock.time)
        return (count, bytes, left)
    }

    /// Removes the oldest recordings until the limits are met.
    package func enforceLimits() throws(RecordingError) { try makeRoom(for: 0) }

    /// Finishes segments that archives which have ended left open, and interrupted operations.
    package func finishInterrupted() throws(RecordingError) {
        do throws(RecordingError) {
            try Recovery.finish(camera: nil, sparesWritten: true, in: self)
        } catch .busy {
            // The other archive is still writing and will complete the segment.
        }
    }

    /// Removes a recording. The row first says that it is being removed, then the file is removed, then the row. After
    /// an interruption the next start finds such a row and continues. If the disk is so full that the row cannot be
    /// updated, removing the file first makes the room.
    ///
    /// A file that another program removed keeps its link in the chain, so that `secam archive verify` reports it.
    func remove(_ segment: SegmentRow, reason: String) throws(RecordingError) {
        let exists = index.folder.size(segment.path) != nil
        if !exists { try checkIdentity() }
        let former: SegmentRow.State?
        do throws(RecordingError) {
            former = try index.markRemoving(segment)
        } catch {
            guard error.isDiskFull else { throw error }
            try index.folder.remove(segment.path)
            former = try index.markRemoving(segment)
        }
        guard let former else { return }
        Compression.sweep(index.folder.absolute(segment.path))
        try index.folder.remove(segment.path)
        let isOurs = exists || former == .removing
        try index.deleteRow(of: segment, reason: isOurs ? reason : nil)
        if !isOurs {
            logger.error(
                "recording removed by another program",
                metadata: ["file": "\(segment.path)", "remedy": "run 'secam archive verify'"])
        }
        storedBytes -= min(storedBytes, segment.bytes)
        // Some file systems report the freed space only later.
        freeBytes = max(index.folder.freeBytes ?? .max, freeBytes &+ segment.bytes)
        hasFreeFiles = index.folder.freeFiles ?? .max >= StorageQuota.freeFiles
        writtenSinceRefresh = 0
        removals.add(segment, reason: reason)
        logger.debug("recording removed", metadata: ["file": "\(segment.path)", "reason": "\(reason)"])
    }
}
