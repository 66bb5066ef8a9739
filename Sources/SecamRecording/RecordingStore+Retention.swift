import Logging
import SecamBase
package import SecamWire

// Removal of recordings by their cameras' rules.
extension RecordingStore {
    /// The time that one call of `retain` or `removeGoneCameras` may take.
    private static let retentionTimeLimit = Duration.milliseconds(500)
    /// The time between two log lines about a suspended retention.
    private static let reminderInterval = Duration.seconds(3600)

    /// Removes recordings that exceed the age or size of their camera's rule. The time per call is limited; the next
    /// call continues. Nothing is removed by age while the wall clock is in doubt.
    package func retain(_ rules: [Recording.Camera]) throws(RecordingError) {
        let start = MonotonicTime.now
        let clock = try checkClock()
        var isInTime: Bool { MonotonicTime.now - start < RecordingStore.retentionTimeLimit }
        for rule in rules {
            if rule.keep > 0, clock.doubt == nil {
                let oldest = clock.time.advanced(by: .seconds(-Int64(rule.keep)))
                while isInTime, let segment = try index.oldestRemovable(of: rule.camera, before: oldest) {
                    try remove(segment, reason: "older than \(rule.keep) s")
                }
                try index.removeEvents(of: rule.camera, before: oldest)
            }
            while rule.keepBytes > 0, isInTime, try index.usage()[rule.camera] ?? 0 > rule.keepBytes,
                let segment = try index.oldestRemovable(of: rule.camera)
            {
                try remove(segment, reason: "more than \(rule.keepBytes) bytes")
            }
        }
        try enforceLimits()
        logRemovals()
    }

    /// Removes all recordings of cameras that are no longer admitted and have not recorded for some time. The time per
    /// call is limited; the next call continues. Nothing is removed while the wall clock is in doubt.
    ///
    /// - Parameters:
    ///   - keep: the time since a camera's last recording; zero to remove nothing.
    ///   - admitted: all admitted cameras. If empty, nothing is removed, since the registry may not have reported yet.
    package func removeGoneCameras(after keep: Duration, admitted: Set<Name>) throws(RecordingError) {
        guard keep > .zero, !admitted.isEmpty else { return }
        let start = MonotonicTime.now
        let clock = try checkClock()
        guard clock.doubt == nil else { return }
        let oldest = clock.time.advanced(by: .zero - keep)
        for camera in try index.usage().keys.sorted() where !admitted.contains(camera) {
            guard let last = try index.lastArrival(of: camera), last < oldest else { continue }
            while MonotonicTime.now - start < RecordingStore.retentionTimeLimit {
                guard let segment = try index.oldestRemovable(of: camera, before: oldest) else {
                    try endRemoval(of: camera, before: oldest)
                    break
                }
                try remove(segment, reason: "camera gone")
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

    /// Counts the time that has passed, and logs when the wall clock comes into doubt and when it no longer is.
    private func checkClock() throws(RecordingError) -> RetentionClock {
        let (clock, step) = try index.advanceClock()
        if let doubt = clock.doubt {
            if self.doubt == nil || MonotonicTime.now >= nextReminder { log(doubt) }
        } else if doubt != nil {
            logger.notice("age-based retention resumed")
        } else if let step {
            logger.notice("wall clock changed", metadata: ["by": "\(step)"])
        }
        doubt = clock.doubt
        return clock
    }

    private func log(_ doubt: RetentionClock.Doubt) {
        nextReminder = MonotonicTime.now + RecordingStore.reminderInterval
        let (cause, difference) =
            switch doubt {
            case .step(let by): ("the wall clock was set by too much", by)
            case .absence(let by): ("the archive was absent for too long, or the wall clock is wrong", by)
            }
        logger.error(
            "age-based retention suspended",
            metadata: [
                "reason": "\(cause)", "by": "\(difference)",
                "remedy": "set the clock; if it is right, run 'secam archive clock --confirm'",
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
}

/// The removals since the last log line, so that they are logged once per ten minutes.
struct RemovalSummary {
    private static let interval = Duration.seconds(600)

    private(set) var count = 0
    private(set) var bytes: UInt64 = 0
    private var counts: [String: Int] = [:]
    private var last: MonotonicTime?

    var reasons: String { counts.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", ") }

    mutating func add(_ segment: SegmentRow, reason: String) {
        count += 1
        bytes = bytes.addingSaturated(segment.bytes)
        // Each reason contains a value of a camera's rule, so there are few different ones.
        counts[reason, default: 0] += 1
    }

    /// Returns and resets the summary when it is time to log it; `nil` otherwise.
    mutating func due(now: MonotonicTime) -> RemovalSummary? {
        guard count > 0, last.map({ now - $0 >= Self.interval }) ?? true else { return nil }
        let summary = self
        self = RemovalSummary()
        last = now
        return summary
    }
}
