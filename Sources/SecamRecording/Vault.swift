public import Logging
internal import SecamConfig
internal import SecamMedia
public import SecamWire

/// How much of a disk recordings may take.
public struct VaultLimits: Sendable, Equatable {
    /// Bytes of all recordings; `nil` for no bound but the disk's.
    public var bytes: UInt64?
    /// Bytes that stay free on the disk.
    public var free: UInt64

    public init(bytes: UInt64?, free: UInt64) {
        self.bytes = bytes
        self.free = free
    }
}

/// The recordings of one volume while they are being written. It belongs to one thread.
public final class Vault {
    public let index: RecordingIndex
    /// Which archive writes, for others on the volume.
    public let writer: String
    private let limits: VaultLimits
    let logger: Logger
    private(set) var storedBytes: UInt64
    private var freeBytes: UInt64
    private let place: RecordingFolder.Place?
    /// Bytes kept for a file that is written besides.
    private var reservedBytes: UInt64 = 0
    /// Bytes written since `freeBytes` was looked at, and since `storedBytes` was added up.
    private var writtenSince: UInt64 = 0
    private var writtenSinceSum: UInt64 = 0
    var alarm = LogThrottle()

    /// Bytes after which is looked again what is free, and what there is in all, which takes longer: others write too.
    private static let lookInterval: UInt64 = 1 << 20
    private static let sumInterval: UInt64 = 16 << 20

    public init(_ index: RecordingIndex, writer: String, limits: VaultLimits, logger: Logger) throws(RecordingError) {
        self.index = index
        self.writer = writer
        self.limits = limits
        self.logger = logger
        storedBytes = try index.storedBytes()
        freeBytes = index.folder.freeBytes ?? .max
        place = index.folder.place
    }

    public var figures: [Figure] {
        // Of a disk that is away nothing is free.
        [Figure(.bytesStored, storedBytes), Figure(.bytesFree, freeBytes == .max ? 0 : freeBytes)]
    }

    /// Other archives write to the volume too, so what is there is looked at again and again.
    public func look() throws(RecordingError) {
        storedBytes = try index.storedBytes()
        writtenSinceSum = 0
        lookAtDisk()
    }

    private func lookAtDisk() {
        freeBytes = index.folder.freeBytes ?? .max
        writtenSince = 0
    }

    /// Bytes after which a segment ends: only what is complete can be let go, so that a small disk needs small ones.
    var largestSegment: UInt64 {
        let (sum, isMore) = storedBytes.addingReportingOverflow(freeBytes - min(freeBytes, limits.free))
        let room = min(limits.bytes ?? .max, isMore ? .max : sum)
        return max(1 << 20, min(1 << 30, room / 16))
    }

    /// Makes room for that many bytes, by letting the oldest recordings go.
    ///
    /// - Throws: `noRoom`, `tooLittleFree`, when nothing may go.
    func makeRoom(for bytes: UInt64) throws(RecordingError) {
        if writtenSinceSum >= Vault.sumInterval {
            try look()
        } else if writtenSince >= Vault.lookInterval {
            lookAtDisk()
        }
        while isTooMuch(bytes) {
            guard let oldest = try index.oldestThatMayGo() else { throw noRoom() }
            try remove(oldest, why: "to make room")
            if try index.segment(oldest.id) == oldest { throw noRoom() }
        }
        storedBytes += bytes
        writtenSince += bytes
        writtenSinceSum += bytes
    }

    private func isTooMuch(_ bytes: UInt64) -> Bool {
        if let most = limits.bytes, storedBytes + reservedBytes + bytes > most { return true }
        return freeBytes < limits.free + reservedBytes + writtenSince + bytes
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
    public func checkPlace() throws(RecordingError) {
        guard place == index.folder.place else { throw .moved(path: index.folder.path) }
    }

    /// Lets the oldest recordings go until the limits hold. First of all: the rest may need the room.
    public func relieve() throws(RecordingError) { try makeRoom(for: 0) }

    /// Ends what archives that are gone had begun.
    public func tidyUp() throws(RecordingError) {
        do throws(RecordingError) {
            try Recovery.finish(camera: nil, isPatient: true, in: self)
        } catch .busy {
            // Left to whoever still writes.
        }
    }

    /// Lets go what the cameras' rules do not keep.
    public func retain(_ rules: [Recording.Camera], now: Int64) throws(RecordingError) {
        for rule in rules {
            if rule.keep > 0 {
                let oldest = now - Int64(rule.keep) * 1_000_000
                for segment in try index.segments(of: rule.camera, before: oldest) {
                    try remove(segment, why: "older than \(rule.keep) s")
                }
                try index.forget(rule.camera, before: oldest)
            }
            if rule.keepBytes > 0 {
                for segment in try index.surplus(of: rule.camera, beyond: rule.keepBytes) {
                    try remove(segment, why: "more than \(rule.keepBytes) bytes")
                }
            }
        }
        try relieve()
    }

    /// The row says first that it leaves, then the file goes, then the row: whatever happens in between, the next start
    /// finds a row that leaves, and ends it. On a disk that is so full that not even this can be said, the file goes
    /// first, which makes the room.
    ///
    /// What somebody else took away from under us was not let go by us, and `secam archive verify` goes on to say so.
    func remove(_ segment: SegmentRow, why: String) throws(RecordingError) {
        let isThere = index.folder.size(segment.path) != nil
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
        writtenSince = 0
        logger.debug("a recording was let go", metadata: ["file": "\(segment.path)", "reason": "\(why)"])
    }
}
