import SecamBase
import SecamPolicy
import SecamWire

/// Reports when conditions begin and end. Conditions that pass within seconds, as at a restart, are not reported.
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

    /// How long a condition must last before it is reported.
    static let delay = Duration.seconds(10)

    private struct Entry {
        let since: MonotonicTime
        var isReported = false
    }

    private var entries: [Subject: Entry] = [:]

    /// - Parameter present: all conditions that hold now.
    /// - Returns: conditions that have lasted for `delay`, and reported ones that are over, in a stable order.
    mutating func update(_ present: Set<Subject>, now: MonotonicTime) -> [Change] {
        var changes: [Change] = []
        for (subject, entry) in entries where !present.contains(subject) {
            entries[subject] = nil
            if entry.isReported { changes.append(Change(subject: subject, isOver: true)) }
        }
        for subject in present {
            let entry = entries[subject, default: Entry(since: now)]
            entries[subject] = entry
            guard !entry.isReported, now - entry.since >= ConditionWatch.delay else { continue }
            entries[subject]!.isReported = true
            changes.append(Change(subject: subject, isOver: false))
        }
        return changes.sorted {
            ($0.subject.condition.rawValue, $0.subject.name) < ($1.subject.condition.rawValue, $1.subject.name)
        }
    }
}
