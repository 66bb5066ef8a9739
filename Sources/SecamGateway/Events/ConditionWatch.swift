import SecamBase
import SecamPolicy
import SecamWire

/// Tells when a condition begins and ends, without those that pass within seconds, as at a restart.
///
/// A state machine without I/O: time is an argument.
struct ConditionWatch {
    struct Subject: Hashable {
        let condition: SystemCondition
        /// The camera, or the archive whose disk it is.
        let name: Name
    }

    struct Change: Equatable {
        let subject: Subject
        let isOver: Bool
    }

    /// Microseconds that a condition must last before it is told.
    static let delay: Int64 = 10_000_000

    private struct Entry {
        let since: MonotonicTime
        var isTold = false
    }

    private var entries: [Subject: Entry] = [:]

    /// - Parameter present: all conditions that there are now.
    /// - Returns: those that began `delay` ago, and those of them that are over, in a stable order.
    mutating func update(_ present: Set<Subject>, now: MonotonicTime) -> [Change] {
        var changes: [Change] = []
        for (subject, entry) in entries where !present.contains(subject) {
            entries[subject] = nil
            if entry.isTold { changes.append(Change(subject: subject, isOver: true)) }
        }
        for subject in present {
            let entry = entries[subject, default: Entry(since: now)]
            entries[subject] = entry
            guard !entry.isTold, now.since(entry.since) >= ConditionWatch.delay else { continue }
            entries[subject]!.isTold = true
            changes.append(Change(subject: subject, isOver: false))
        }
        return changes.sorted {
            ($0.subject.condition.rawValue, $0.subject.name) < ($1.subject.condition.rawValue, $1.subject.name)
        }
    }
}
