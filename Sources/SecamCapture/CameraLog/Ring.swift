import DequeModule
package import SecamBase
package import SecamWire

/// One frame of the ring in one rendition.
package struct RingFrame: Sendable, Equatable {
    package let rendition: Rendition
    package let format: PixelFormat
    package let sequence: UInt64
    /// Time of capture, UTC microseconds.
    package let timestamp: Int64
    /// When the frame entered the ring. Its age counts from here, because the wall clock can be set.
    package let arrived: MonotonicTime
    package let width: UInt16
    package let height: UInt16
    package let bytes: ArraySlice<UInt8>

    package init(
        rendition: Rendition, format: PixelFormat, sequence: UInt64, timestamp: Int64, arrived: MonotonicTime,
        width: UInt16, height: UInt16, bytes: ArraySlice<UInt8>
    ) {
        self.rendition = rendition
        self.format = format
        self.sequence = sequence
        self.timestamp = timestamp
        self.arrived = arrived
        self.width = width
        self.height = height
        self.bytes = bytes
    }
}

/// An entry of the camera's event log.
package struct RingEvent: Sendable, Equatable {
    package let sequence: UInt64
    package let event: CameraEvent

    package init(sequence: UInt64, event: CameraEvent) {
        self.sequence = sequence
        self.event = event
    }
}

/// A camera's recent past: a log of frames per rendition, bounded by time and bytes, and a log of events, bounded by
/// number.
///
/// Sequence numbers grow within a rendition, and within the events. A missing number never comes later.
package struct Ring: Sendable {
    /// Maximum age of a frame.
    package var duration: Duration
    /// Maximum size of all renditions together. The newest frame of a rendition stays even if it alone is larger.
    package var byteLimit: Int
    package private(set) var byteCount = 0
    private var logs: [Log<RingFrame>]
    private var eventLog = Log<RingEvent>()
    /// For each rendition, the pictures that were captured without a demand for it, oldest first.
    private var skipped: [Deque<SequenceRange>]

    /// Ranges of pictures that are remembered for each rendition.
    private static let skippedLimit = 1024

    /// Maximum number of events. They are few and small, so they outlive the frames for consumers that were away.
    package static let eventLimit = 4096

    package init(duration: Duration, byteLimit: Int) {
        self.duration = duration
        self.byteLimit = byteLimit
        logs = Array(repeating: Log(), count: Rendition.allCases.count)
        skipped = Array(repeating: [], count: Rendition.allCases.count)
    }

    /// Appends a frame to its rendition and evicts the oldest frames of all renditions.
    ///
    /// - Returns: the evicted frames, oldest first.
    @discardableResult
    package mutating func append(_ frame: RingFrame) -> [RingFrame] {
        let newest = logs[Ring.index(frame.rendition)].last
        precondition(newest.map { $0.sequence < frame.sequence } ?? true, "a ring's sequence numbers only grow")
        logs[Ring.index(frame.rendition)].append(frame)
        byteCount += frame.bytes.count
        return evict(now: frame.arrived)
    }

    /// Appends an event and evicts the oldest one beyond the limit.
    package mutating func append(_ event: RingEvent) {
        precondition(eventLog.last.map { $0.sequence < event.sequence } ?? true, "a ring's sequence numbers only grow")
        eventLog.append(event)
        if eventLog.count > Ring.eventLimit { eventLog.removeFirst() }
    }

    package var newestEvent: RingEvent? { eventLog.last }

    package var oldestEvent: RingEvent? { eventLog.first }

    package func firstEvent(from sequence: UInt64) -> RingEvent? { eventLog.first { $0.sequence >= sequence } }

    /// Returns the first event that lasts until this time or longer, UTC microseconds.
    package func firstEvent(at time: Int64) -> RingEvent? { eventLog.first(from: 0) { $0.event.last >= time } }

    /// The highest number of an evicted event, 0 if there is none.
    package var lastEvictedEvent: UInt64 { eventLog.lastEvicted }

    package func newest(_ rendition: Rendition) -> RingFrame? { logs[Ring.index(rendition)].last }

    package func oldest(_ rendition: Rendition) -> RingFrame? { logs[Ring.index(rendition)].first }

    /// Returns the first frame whose number is at least `sequence`.
    package func first(_ rendition: Rendition, from sequence: UInt64) -> RingFrame? {
        logs[Ring.index(rendition)].first { $0.sequence >= sequence }
    }

    /// Returns the first frame whose number is at least `sequence` and that satisfies the predicate.
    package func first(
        _ rendition: Rendition, from sequence: UInt64, where predicate: (RingFrame) -> Bool
    ) -> RingFrame? {
        logs[Ring.index(rendition)].first(from: sequence, where: predicate)
    }

    /// Returns the first frame captured at or after this time, UTC microseconds.
    package func first(_ rendition: Rendition, at time: Int64) -> RingFrame? {
        logs[Ring.index(rendition)].first(from: 0) { $0.timestamp >= time }
    }

    /// Returns the highest sequence number of this rendition that was evicted, 0 if there is none.
    package func lastEvicted(_ rendition: Rendition) -> UInt64 { logs[Ring.index(rendition)].lastEvicted }

    /// Records pictures that were captured without a demand for this rendition. Its frames do not lack them.
    package mutating func recordSkipped(_ rendition: Rendition, _ range: SequenceRange) {
        let index = Ring.index(rendition)
        skipped[index].append(range)
        if skipped[index].count > Ring.skippedLimit { skipped[index].removeFirst() }
    }

    /// Returns the parts of a range of missing frames in which this rendition was demanded.
    package func demanded(_ rendition: Rendition, in range: SequenceRange) -> [SequenceRange] {
        range.subtracting(skipped[Ring.index(rendition)])
    }

    /// Returns the latest known capture time of a frame with a lower number, UTC microseconds; `nil` if none is known.
    package func time(_ rendition: Rendition, before sequence: UInt64) -> Int64? {
        logs[Ring.index(rendition)].time(before: sequence)
    }

    /// Returns all frames of a rendition, oldest first.
    package func frames(_ rendition: Rendition) -> [RingFrame] { logs[Ring.index(rendition)].all }

    private mutating func evict(now: MonotonicTime) -> [RingFrame] {
        var evicted: [RingFrame] = []
        while let victim = oldestRendition(),
            byteCount > byteLimit || now - logs[victim].first!.arrived > duration
        {
            let frame = logs[victim].removeFirst()
            byteCount -= frame.bytes.count
            evicted.append(frame)
        }
        return evicted
    }

    /// Returns the index of the log with the oldest frame, among the logs with more than one frame.
    private func oldestRendition() -> Int? {
        logs.indices.filter { logs[$0].count > 1 }.min { logs[$0].first!.arrived < logs[$1].first!.arrived }
    }

    private static func index(_ rendition: Rendition) -> Int { Int(rendition.rawValue) - 1 }
}

private protocol LogEntry: Sendable {
    var sequence: UInt64 { get }
    /// UTC microseconds.
    var timestamp: Int64 { get }
}

extension RingFrame: LogEntry {}
extension RingEvent: LogEntry {
    fileprivate var timestamp: Int64 { event.last }
}

/// The capture times of entries that a log evicted: one for each second, and fewer for a longer history.
private struct EvictedTimes: Sendable {
    private static let markLimit = 4096

    /// Times are UTC microseconds.
    private var marks: [(sequence: UInt64, time: Int64)] = []
    /// Time between two marks.
    private var interval: Duration = .seconds(1)

    mutating func add(_ entry: some LogEntry) {
        // A clock that was set back counts as time that passed.
        let isDue = marks.last.map {
            entry.timestamp.subtractingSaturated($0.time).magnitude >= interval.microseconds.magnitude
        }
        guard isDue ?? true else { return }
        marks.append((entry.sequence, entry.timestamp))
        guard marks.count > EvictedTimes.markLimit else { return }
        marks = marks.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        interval *= 2
    }

    func time(before sequence: UInt64) -> Int64? { marks.last { $0.sequence < sequence }?.time }
}

/// A queue that removes its head in amortized constant time and finds sequence numbers by binary search.
private struct Log<Entry: LogEntry>: Sendable {
    private var entries: [Entry?] = []
    private var head = 0
    private var evictedTimes = EvictedTimes()
    private(set) var lastEvicted: UInt64 = 0

    var count: Int { entries.count - head }
    var first: Entry? { head < entries.count ? entries[head] : nil }
    var last: Entry? { head < entries.count ? entries[entries.count - 1] : nil }
    var all: [Entry] { entries[head...].compactMap { $0 } }

    mutating func append(_ entry: Entry) { entries.append(entry) }

    /// Evicts the oldest entry and returns it.
    @discardableResult
    mutating func removeFirst() -> Entry {
        let oldest = entries[head]!
        entries[head] = nil
        head += 1
        lastEvicted = oldest.sequence
        evictedTimes.add(oldest)
        if head > 64, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return oldest
    }

    /// Returns the first entry that satisfies the predicate, by binary search: all later entries must satisfy it too.
    func first(where predicate: (Entry) -> Bool) -> Entry? {
        let index = firstIndex(where: predicate)
        return index < entries.count ? entries[index] : nil
    }

    /// Returns the first entry from this number on that satisfies the predicate, by linear search.
    func first(from sequence: UInt64, where predicate: (Entry) -> Bool) -> Entry? {
        entries[firstIndex { $0.sequence >= sequence }...].lazy.compactMap { $0 }.first(where: predicate)
    }

    func time(before sequence: UInt64) -> Int64? {
        let index = firstIndex { $0.sequence >= sequence } - 1
        return index >= head ? entries[index]!.timestamp : evictedTimes.time(before: sequence)
    }

    private func firstIndex(where predicate: (Entry) -> Bool) -> Int {
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if predicate(entries[middle]!) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
