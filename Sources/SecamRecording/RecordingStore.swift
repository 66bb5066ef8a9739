package import Logging
import SecamBase
import SecamMedia
package import SecamWire

/// How much of a disk recordings may take.
package struct StorageQuota: Sendable, Equatable {
    /// Bytes of all recordings; `nil` for no bound but the disk's.
    package var bytes: UInt64?
    /// Bytes that stay free on the disk.
    package var free: UInt64
    /// What arrived within this time is not removed to make room: recording stops instead.
    package var leastKept: Duration

    package init(bytes: UInt64?, free: UInt64, leastKept: Duration = .zero) {
        self.bytes = bytes
        self.free = free
        self.leastKept = leastKept
    }

    /// Files that stay free on the disk, where its file system counts them.
    static let freeFiles: UInt64 = 256
}

/// The recordings of one volume while they are being written. It belongs to one thread.
package final class RecordingStore {
    package let index: RecordingIndex
    /// Which archive writes, for others on the volume.
    package let writer: String
    private let limits: StorageQuota
    let logger: Logger
    private(set) var storedBytes: UInt64
    private var freeBytes: UInt64
    private var hasFreeFiles: Bool
    private let place: RecordingFolder.Place?
    /// Bytes kept for a file that is written besides.
    private var reservedBytes: UInt64 = 0
    /// Bytes written since `freeBytes` was looked at, and since `storedBytes` was added up.
    private var writtenSince: UInt64 = 0
    private var writtenSinceSum: UInt64 = 0
    private var removals = RemovalSummary()
    /// Recordings whose compression failed, by their rows, and until when they are left alone.
    var compressionPauses: [Int64: MonotonicTime] = [:]
    /// Whose recording was compressed last: cameras take turns.
    var lastCompressed: Name?
    /// What was removed of gone cameras of which something is left to remove.
    private var goneRemovals: [Name: (count: Int, bytes: UInt64)] = [:]
    /// As it was at the last look; `nil` when the wall clock is believed.
    private var doubt: RetentionClock.Doubt?
    private var nextReminder = MonotonicTime.now

    /// Time that removing what is too old may take before others have their turn, in microseconds.
    private static let retentionTurn: Int64 = 500_000
    /// Microseconds before a recording is compressed again whose compression failed.
    static let compressionPause: Int64 = 600_000_000
    /// Microseconds between two log lines about a clock that is doubted.
    private static let reminderInterval: Int64 = 3_600_000_000
    /// Bytes after which is looked again what is free, and what there is in all, which takes longer: others write too.
    private static let lookInterval: UInt64 = 1 << 20
    private static let sumInterval: UInt64 = 16 << 20

    package init(_ index: RecordingIndex, writer: String, limits: StorageQuota, logger: Logger) throws(RecordingError) {
        self.index = index
        self.writer = writer
        self.limits = limits
        self.logger = logger
        storedBytes = try index.storedBytes()
        freeBytes = index.folder.freeBytes ?? .max
        hasFreeFiles = index.folder.freeFiles ?? .max >= StorageQuota.freeFiles
        place = index.folder.place
    }

    package var figures: [Figure] {
        // Of a disk that is away nothing is free.
        [
            Figure(.bytesStored, storedBytes), Figure(.bytesFree, freeBytes == .max ? 0 : freeBytes),
            Figure(.clockDoubted, doubt == nil ? 0 : 1), Figure(.diskLow, isDiskLow ? 1 : 0),
        ]
    }

    /// Whether the disk has little left above its reserve: 5 % of its size, and at most 10 GiB.
    private var isDiskLow: Bool {
        guard let size = index.folder.volumeBytes else { return false }
        return freeBytes < limits.free.addingSaturated(min(size / 20, 10 << 30))
    }

    /// Why the disk is low, for people; `nil` when it is not.
    package var diskLowCause: String? {
        guard isDiskLow, let size = index.folder.volumeBytes else { return nil }
        let used = size - min(size, freeBytes)
        let others = used - min(used, storedBytes)
        return "\(index.folder.path): \(freeBytes >> 20) of \(size >> 20) MiB are free, \(limits.free >> 20) MiB are "
            + "the reserve (--free-megabytes); recordings take \(storedBytes >> 20) MiB, other files \(others >> 20) MiB"
    }

    /// Other archives write to the volume too, so what is there is looked at again and again.
    package func look() throws(RecordingError) {
        storedBytes = try index.storedBytes()
        writtenSinceSum = 0
        lookAtDisk()
    }

    private func lookAtDisk() {
        freeBytes = index.folder.freeBytes ?? .max
        hasFreeFiles = index.folder.freeFiles ?? .max >= StorageQuota.freeFiles
        writtenSince = 0
    }

    /// Bytes after which a segment ends: only what is complete can be let go, so that a small disk needs small ones.
    var largestSegment: UInt64 {
        let (sum, isMore) = storedBytes.addingReportingOverflow(freeBytes - min(freeBytes, limits.free))
        let room = min(limits.bytes ?? .max, isMore ? .max : sum)
        return max(1 << 20, min(1 << 30, room / 16))
    }

    /// Makes room for that many bytes, by removing what arrived first; see `removable(for:of:)`.
    ///
    /// - Parameter camera: whose bytes they are; `nil` for none's.
    /// - Throws: `noRoom`, `tooLittleFree`, when nothing may go.
    func makeRoom(for bytes: UInt64, of camera: Name? = nil) throws(RecordingError) {
        if writtenSinceSum >= RecordingStore.sumInterval {
            try look()
        } else if writtenSince >= RecordingStore.lookInterval {
            lookAtDisk()
        }
        while isTooMuch(bytes) {
            guard let oldest = try removable(for: bytes, of: camera) else { throw noRoom() }
            try remove(oldest, why: "to make room")
            if try index.segment(oldest.id) == oldest { throw noRoom() }
        }
        storedBytes += bytes
        writtenSince += bytes
        writtenSinceSum += bytes
    }

    /// What goes next to make room. Each camera has an equal share of what all recordings may take: one that needs more
    /// makes room for itself, and for the others before they lose anything. So a camera that records too much, by a
    /// mistake or on purpose, displaces nobody else's recordings but those beyond their own share.
    private func removable(for bytes: UInt64, of camera: Name?) throws(RecordingError) -> SegmentRow? {
        let floor = try leastKeptSince()
        var usage = try index.usage()
        if let camera { usage[camera] = (usage[camera] ?? 0).addingSaturated(bytes) }
        let share = (limits.bytes ?? storedBytes.addingSaturated(bytes)) / UInt64(max(1, usage.count))
        if let camera, usage[camera] ?? 0 > share, let own = try index.oldestRemovable(of: camera, before: floor) {
            return own
        }
        var oldest: SegmentRow?
        for (other, bytes) in usage where bytes > share {
            guard let found = try index.oldestRemovable(of: other, before: floor) else { continue }
            if oldest.map({ found.arrival < $0.arrival }) ?? true { oldest = found }
        }
        if let oldest { return oldest }
        // What is being written is in no row yet: whoever writes it is near its share.
        if let camera, let own = try index.oldestRemovable(of: camera, before: floor) { return own }
        return try index.oldestRemovable(of: nil, before: floor)
    }

    /// What arrived from then on is not removed to make room; `nil` where anything may go.
    private func leastKeptSince() throws(RecordingError) -> RetentionTime? {
        guard limits.leastKept > .zero else { return nil }
        return try index.advanceClock().clock.time.advanced(by: .zero - limits.leastKept)
    }

    private func isTooMuch(_ bytes: UInt64) -> Bool {
        if let most = limits.bytes, storedBytes + reservedBytes + bytes > most { return true }
        return !hasFreeFiles || freeBytes < limits.free + reservedBytes + writtenSince + bytes
    }

    /// Keeps room for a file besides the recordings, by letting the oldest go.
    ///
    /// - Throws: `noRoom`, `tooLittleFree`.
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

    private func noRoom() -> RecordingError {
        if !hasFreeFiles { return .tooFewFiles(path: index.folder.path) }
        if limits.leastKept > .zero { return .keptTooLong(path: index.folder.path, least: limits.leastKept) }
        if let most = limits.bytes, storedBytes >= most { return .noRoom(path: index.folder.path, limit: most) }
        return .tooLittleFree(path: index.folder.path, limit: limits.free)
    }

    /// What was counted for a frame that was not written after all.
    func giveBack(_ bytes: UInt64) {
        storedBytes -= min(storedBytes, bytes)
        writtenSince -= min(writtenSince, bytes)
    }

    /// Nothing is to be recorded into the empty folder in which a disk was mounted.
    ///
    /// - Throws: `moved`.
    package func checkPlace() throws(RecordingError) {
        guard place == index.folder.place else { throw .moved(path: index.folder.path) }
    }

    /// Whether something can be brought to the disk.
    ///
    /// - Throws: `moved`, `readOnly`, `file`. A full disk is no error here.
    package func checkWritable() throws(RecordingError) {
        try checkPlace()
        try index.folder.checkWritable()
    }

    /// Removes what an operator wants to be gone, but not what is protected or being written.
    ///
    /// - Parameter time: only what ends before it; UTC microseconds.
    /// - Returns: how many recordings and bytes went, and how many are left that begin before the time.
    package func remove(
        allOf camera: Name, before time: Int64
    ) throws(RecordingError) -> (count: Int, bytes: UInt64, left: Int) {
        var (count, bytes, left) = (0, UInt64(0), 0)
        for segment in try index.segments(of: camera, from: .min, to: time) {
            guard segment.state == .complete, !segment.isProtected, segment.end < time else {
                left += 1
                continue
            }
            try remove(segment, why: "by hand")
            count += 1
            bytes += segment.bytes
        }
        try index.removeEvents(of: camera, before: try index.advanceClock().clock.time)
        return (count, bytes, left)
    }

    /// Lets the oldest recordings go until the limits hold. First of all: the rest may need the room.
    package func relieve() throws(RecordingError) { try makeRoom(for: 0) }

    /// Ends what archives that are gone had begun.
    package func tidyUp() throws(RecordingError) {
        do throws(RecordingError) {
            try Recovery.finish(camera: nil, isPatient: true, in: self)
        } catch .busy {
            // Left to whoever still writes.
        }
    }

    /// Removes what the cameras' rules do not keep: some of it now, the rest at the next call. What is too old stays
    /// while the wall clock is doubted.
    package func retain(_ rules: [Recording.Camera]) throws(RecordingError) {
        let start = MonotonicTime.now
        let clock = try checkClock()
        var isInTime: Bool { MonotonicTime.now.since(start) < RecordingStore.retentionTurn }
        for rule in rules {
            if rule.keep > 0, clock.doubt == nil {
                let oldest = clock.time.advanced(by: .seconds(-Int64(rule.keep)))
                while isInTime, let segment = try index.oldestRemovable(of: rule.camera, before: oldest) {
                    try remove(segment, why: "older than \(rule.keep) s")
                }
                try index.removeEvents(of: rule.camera, before: oldest)
            }
            while rule.keepBytes > 0, isInTime, try index.usage()[rule.camera] ?? 0 > rule.keepBytes,
                let segment = try index.oldestRemovable(of: rule.camera)
            {
                try remove(segment, why: "more than \(rule.keepBytes) bytes")
            }
        }
        try relieve()
        logRemovals()
    }

    /// Removes all recordings of cameras that are not admitted any more and have not recorded for some time, a camera's in
    /// one go: some of them now, the rest at the next call. Nothing goes while the wall clock is doubted.
    ///
    /// - Parameters:
    ///   - keep: the time since a camera's last recording; zero for ever.
    ///   - admitted: all cameras that there are. Without any, nothing tells which are gone.
    package func removeGoneCameras(after keep: Duration, admitted: Set<Name>) throws(RecordingError) {
        guard keep > .zero, !admitted.isEmpty else { return }
        let start = MonotonicTime.now
        let clock = try checkClock()
        guard clock.doubt == nil else { return }
        let oldest = clock.time.advanced(by: .zero - keep)
        for camera in try index.usage().keys.sorted() where !admitted.contains(camera) {
            guard let last = try index.lastArrival(of: camera), last < oldest else { continue }
            while MonotonicTime.now.since(start) < RecordingStore.retentionTurn {
                guard let segment = try index.oldestRemovable(of: camera, before: oldest) else {
                    try endRemoval(of: camera, before: oldest)
                    break
                }
                try remove(segment, why: "camera gone")
                goneRemovals[camera, default: (0, 0)].count += 1
                goneRemovals[camera]!.bytes += segment.bytes
            }
        }
    }

    private func endRemoval(of camera: Name, before time: RetentionTime) throws(RecordingError) {
        try index.removeEvents(of: camera, before: time)
        guard let removed = goneRemovals.removeValue(forKey: camera) else { return }
        logger.notice(
            "recordings of a gone camera removed",
            metadata: [
                "camera": "\(camera)", "count": "\(removed.count)", "mebibytes": "\(removed.bytes >> 20)",
            ])
    }

    /// Counts the time that passed, and says when the wall clock is doubted, and when it no longer is.
    private func checkClock() throws(RecordingError) -> RetentionClock {
        let (clock, step) = try index.advanceClock()
        if let doubt = clock.doubt {
            if self.doubt == nil || MonotonicTime.now >= nextReminder { say(doubt) }
        } else if doubt != nil {
            logger.notice("clock is believed again; retention by age resumed")
        } else if let step {
            logger.notice("clock was set; recordings keep their age", metadata: ["by": "\(step)"])
        }
        doubt = clock.doubt
        return clock
    }

    private func say(_ doubt: RetentionClock.Doubt) {
        nextReminder = MonotonicTime.now.advanced(byMicroseconds: RecordingStore.reminderInterval)
        let what: Logger.Message
        let length: Duration
        switch doubt {
        case .step(let by):
            what = "clock was set by more than it can be wrong; retention by age suspended"
            length = by
        case .absence(let by):
            what = "clock cannot be right, or the archive was away for very long; retention by age suspended"
            length = by
        }
        logger.error(
            what,
            metadata: [
                "by": "\(length)",
                "remedy": "set the clock right, or run 'secam archive clock --confirm' when it is right",
            ])
    }

    private func logRemovals() {
        guard let summary = removals.due(now: .now) else { return }
        logger.info(
            "recordings removed",
            metadata: [
                "count": "\(summary.count)", "mebibytes": "\(summary.bytes >> 20)",
                "reasons": "\(summary.reasons)", "mebibytes-left": "\(storedBytes >> 20)",
            ])
    }

    /// The row says first that it leaves, then the file goes, then the row: whatever happens in between, the next start
    /// finds a row that leaves, and ends it. On a disk that is so full that not even this can be said, the file goes
    /// first, which makes the room.
    ///
    /// What somebody else took away from under us was not let go by us, and `secam archive verify` goes on to say so.
    func remove(_ segment: SegmentRow, why: String) throws(RecordingError) {
        let isThere = index.folder.size(segment.path) != nil
        if !isThere { try checkPlace() }
        let former: SegmentRow.State?
        do throws(RecordingError) {
            former = try index.noteLeaving(segment)
        } catch {
            guard error.isDiskFull else { throw error }
            try index.folder.remove(segment.path)
            former = try index.noteLeaving(segment)
        }
        guard let former else { return }
        Compression.sweep(index.folder.absolute(segment.path))
        try index.folder.remove(segment.path)
        let isOurs = isThere || former == .leaving
        try index.noteGone(segment, why: isOurs ? why : nil)
        if !isOurs {
            logger.error(
                "a recording was removed by somebody else; 'secam archive verify' names it",
                metadata: ["file": "\(segment.path)"])
        }
        storedBytes -= min(storedBytes, segment.bytes)
        // Some file systems set the room free later than they say.
        freeBytes = max(index.folder.freeBytes ?? .max, freeBytes &+ segment.bytes)
        hasFreeFiles = index.folder.freeFiles ?? .max >= StorageQuota.freeFiles
        writtenSince = 0
        removals.note(segment, why: why)
        logger.debug("recording removed", metadata: ["file": "\(segment.path)", "reason": "\(why)"])
    }
}

/// What was removed since the last log line about it. One line each ten minutes, as it goes on and on.
private struct RemovalSummary {
    /// Microseconds.
    private static let interval: Int64 = 600_000_000

    private(set) var count = 0
    private(set) var bytes: UInt64 = 0
    private var counts: [String: Int] = [:]
    private var last: MonotonicTime?

    var reasons: String { counts.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", ") }

    mutating func note(_ segment: SegmentRow, why: String) {
        count += 1
        bytes = bytes.addingSaturated(segment.bytes)
        // Reasons have the cameras' rules in them, which are few.
        counts[why, default: 0] += 1
    }

    /// - Returns: what is to be said now; `nil` when nothing is.
    mutating func due(now: MonotonicTime) -> RemovalSummary? {
        guard count > 0, last.map({ now.since($0) >= Self.interval }) ?? true else { return nil }
        let summary = self
        self = RemovalSummary()
        last = now
        return summary
    }
}
