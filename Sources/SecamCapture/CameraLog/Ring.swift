package import SecamBase
package import SecamWire

/// One frame of the ring in one rendition.
package struct RingFrame: Sendable, Equatable {
    package let rendition: Rendition
    package let format: PixelFormat
    package let sequence: UInt64
    /// Time of the capture, UTC microseconds.
    package let timestamp: Int64
    /// When it came into the ring. Its age is reckoned from this, since the wall clock can be set.
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

/// What the camera's log says of an event.
package struct RingEvent: Sendable, Equatable {
    package let sequence: UInt64
    package let event: CameraEvent

    package init(sequence: UInt64, event: CameraEvent) {
        self.sequence = sequence
        self.event = event
    }
}

/// What a camera saw last: a log of frames for each rendition, bounded by time and by bytes, and a log of events,
/// bounded by number.
///
/// Sequence numbers only grow within a rendition, and within the events; those that are missing never come.
package struct Ring: Sendable {
    /// Microseconds.
    package var longest: Int64
    /// Bytes of all renditions together. The newest frame of a rendition stays even when it alone is larger.
    package var largest: Int
    package private(set) var byteCount = 0
    private var logs: [Log<RingFrame>]
    private var eventLog = Log<RingEvent>()

    /// Events are few and small: they are kept for longer than frames, so that whoever was away learns of them.
    package static let mostEvents = 4096

    package init(seconds: Int, bytes: Int) {
        longest = Int64(seconds) * 1_000_000
        largest = bytes
        logs = Array(repeating: Log(), count: Rendition.allCases.count)
    }

    /// Adds a frame behind the others of its rendition, and lets the oldest of all go.
    ///
    /// - Returns: what was let go, oldest first.
    @discardableResult
    package mutating func append(_ frame: RingFrame) -> [RingFrame] {
        let newest = logs[Ring.index(frame.rendition)].last
        precondition(newest.map { $0.sequence < frame.sequence } ?? true, "a ring's sequence numbers only grow")
        logs[Ring.index(frame.rendition)].append(frame)
        byteCount += frame.bytes.count
        return evict(now: frame.arrived)
    }

    /// Adds what is said of an event behind what was said before.
    package mutating func append(_ event: RingEvent) {
        precondition(eventLog.last.map { $0.sequence < event.sequence } ?? true, "a ring's sequence numbers only grow")
        eventLog.append(event)
        if eventLog.count > Ring.mostEvents { eventLog.removeFirst() }
    }

    package var newestEvent: RingEvent? { eventLog.last }

    package var oldestEvent: RingEvent? { eventLog.first }

    package func firstEvent(from sequence: UInt64) -> RingEvent? { eventLog.first { $0.sequence >= sequence } }

    /// The first event whose last sign is at or after this time, UTC microseconds.
    package func firstEvent(at time: Int64) -> RingEvent? { eventLog.first(from: 0) { $0.event.last >= time } }

    /// The highest number of an event that was let go, 0 when none was.
    package var lastEvictedEvent: UInt64 { eventLog.lastEvicted }

    package func newest(_ rendition: Rendition) -> RingFrame? { logs[Ring.index(rendition)].last }

    package func oldest(_ rendition: Rendition) -> RingFrame? { logs[Ring.index(rendition)].first }

    /// The first frame whose number is at least `sequence`.
    package func first(_ rendition: Rendition, from sequence: UInt64) -> RingFrame? {
        logs[Ring.index(rendition)].first { $0.sequence >= sequence }
    }

    /// The first frame whose number is at least `sequence` and for which the condition holds.
    package func first(
        _ rendition: Rendition, from sequence: UInt64, where holds: (RingFrame) -> Bool
    ) -> RingFrame? {
        logs[Ring.index(rendition)].first(from: sequence, where: holds)
    }

    /// The first frame captured at or after this time, UTC microseconds.
    package func first(_ rendition: Rendition, at time: Int64) -> RingFrame? {
        logs[Ring.index(rendition)].first(from: 0) { $0.timestamp >= time }
    }

    /// The highest sequence number of this rendition that was let go, 0 when none was.
    package func lastEvicted(_ rendition: Rendition) -> UInt64 { logs[Ring.index(rendition)].lastEvicted }

    /// A time, UTC microseconds, at which a frame with a lower number was captured, the latest one that is remembered;
    /// `nil` when there was none.
    package func time(_ rendition: Rendition, before sequence: UInt64) -> Int64? {
        logs[Ring.index(rendition)].time(before: sequence)
    }

    /// All frames of a rendition, oldest first.
    package func frames(_ rendition: Rendition) -> [RingFrame] { logs[Ring.index(rendition)].all }

    private mutating func evict(now: MonotonicTime) -> [RingFrame] {
        var evicted: [RingFrame] = []
        while let victim = oldestRendition(),
            byteCount > largest || now.since(logs[victim].first!.arrived) > longest
        {
            let frame = logs[victim].removeFirst()
            byteCount -= frame.bytes.count
            evicted.append(frame)
        }
        return evicted
    }

    /// The log with the oldest frame, among those that have more than their newest one.
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

/// When what a log let go had been captured: a time a second, and fewer the longer it goes back.
private struct EvictedTimes: Sendable {
    private static let mostMarks = 4096

    private var marks: [(sequence: UInt64, time: Int64)] = []
    /// Microseconds between two marks.
    private var interval: Int64 = 1_000_000

    mutating func add(_ entry: some LogEntry) {
        // A clock that was set back counts as time that passed.
        let isDue = marks.last.map { entry.timestamp.subtractingSaturated($0.time).magnitude >= interval.magnitude }
        guard isDue ?? true else { return }
        marks.append((entry.sequence, entry.timestamp))
        guard marks.count > EvictedTimes.mostMarks else { return }
        marks = marks.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        interval *= 2
    }

    func time(before sequence: UInt64) -> Int64? { marks.last { $0.sequence < sequence }?.time }
}

/// A queue whose head moves on without moving the rest, and in which numbers are found by halving.
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

    /// Lets the oldest entry go and returns it.
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

    /// The first entry for which the condition holds; it must hold for all later ones too.
    func first(where holds: (Entry) -> Bool) -> Entry? {
        let index = firstIndex(where: holds)
        return index < entries.count ? entries[index] : nil
    }

    /// The first entry from this number on for which the condition holds, one by one.
    func first(from sequence: UInt64, where holds: (Entry) -> Bool) -> Entry? {
        entries[firstIndex { $0.sequence >= sequence }...].lazy.compactMap { $0 }.first(where: holds)
    }

    func time(before sequence: UInt64) -> Int64? {
        let index = firstIndex { $0.sequence >= sequence } - 1
        return index >= head ? entries[index]!.timestamp : evictedTimes.time(before: sequence)
    }

    private func firstIndex(where holds: (Entry) -> Bool) -> Int {
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if holds(entries[middle]!) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
