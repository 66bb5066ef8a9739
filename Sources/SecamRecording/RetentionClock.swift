import SecamBase
import SecamWire

/// An instant of the archive's own time, which determines the age of recordings. Only differences have a meaning.
package struct RetentionTime: Sendable, Hashable, Comparable {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    /// Saturates at both ends.
    package func advanced(by duration: Duration) -> RetentionTime {
        RetentionTime(microseconds: microseconds.addingSaturated(duration.microseconds))
    }

    package static func < (left: RetentionTime, right: RetentionTime) -> Bool { left.microseconds < right.microseconds }
}

/// Counts the time that the archives of a volume have seen pass, independent of the wall clock.
///
/// A wall clock can be wrong for a moment, or until the network sets it. If the age of a recording were the difference
/// of two of its readings, one wrong reading would remove everything. So this clock advances with the kernel's
/// monotonic clock. It trusts the wall clock only for the time between two runs of the machine, and only as far as
/// `absenceLimit`; a longer absence counts when the wall clock was synchronized before it and is again after it.
///
/// While the wall clock disagrees by more than `stepLimit` there is a `Doubt`, and deletion by age waits until the
/// clock agrees again, the kernel reports that it is synchronized, or an operator confirms it.
///
/// A state machine without I/O: readings are arguments.
package struct RetentionClock: Sendable, Equatable {
    /// All clocks of a machine at one instant.
    package struct Reading: Sendable, Equatable {
        /// The wall clock, UTC microseconds.
        package let wall: Int64
        /// Microseconds since the machine's start, including suspension.
        package let uptime: Int64
        /// Identifies the run of the machine that `uptime` belongs to.
        package let boot: String
        /// Whether the kernel reports that the wall clock is synchronized with a time source.
        package let isSynchronized: Bool

        package init(wall: Int64, uptime: Int64, boot: String, isSynchronized: Bool) {
            self.wall = wall
            self.uptime = uptime
            self.boot = boot
            self.isSynchronized = isSynchronized
        }
    }

    /// A reason not to trust the wall clock, with the time by which it is ahead; negative if it is behind.
    package enum Doubt: Sendable, Equatable {
        /// The wall clock was set while an archive ran.
        case step(Duration)
        /// After a restart of the machine, the wall clock implies an absence of this length.
        case absence(Duration)
    }

    /// The greatest difference between the wall clock and the time that passed without doubt.
    package static let stepLimit = Duration.seconds(300)
    /// The longest absence across a restart of the machine that is trusted without proof.
    package static let absenceLimit = Duration.seconds(24 * 3600)

    /// The time of the last reading.
    package internal(set) var time: RetentionTime
    var reading: Reading
    /// The difference between a correct wall clock and `time`, microseconds.
    var offset: Int64
    /// Set while the length of an absence is unknown.
    var absence: Absence?

    struct Absence: Sendable, Equatable {
        /// Whether the wall clock was synchronized before the absence.
        let wasSynchronized: Bool
    }

    /// Creates a clock that starts now.
    package init(_ reading: Reading) {
        time = RetentionTime(microseconds: reading.wall)
        self.reading = reading
        offset = 0
    }

    init(time: RetentionTime, reading: Reading, offset: Int64, absence: Absence?) {
        self.time = time
        self.reading = reading
        self.offset = offset
        self.absence = absence
    }

    /// The present reading of a correct wall clock, UTC microseconds.
    package var expectedWall: Int64 { time.microseconds.addingSaturated(offset) }

    /// The time by which the wall clock is ahead of `expectedWall`, microseconds.
    private var difference: Int64 { reading.wall.subtractingSaturated(expectedWall) }

    package var doubt: Doubt? {
        if absence != nil { return .absence(.microseconds(difference)) }
        return isNear(difference) ? nil : .step(.microseconds(difference))
    }

    /// Counts the time since the last reading.
    ///
    /// - Returns: the time by which the wall clock was set, if the step is trusted.
    @discardableResult
    package mutating func advance(to new: Reading) -> Duration? {
        let elapsed: Int64
        if new.boot == reading.boot {
            elapsed = max(0, new.uptime.subtractingSaturated(reading.uptime))
        } else {
            // The machine has run for at least this time.
            elapsed = max(0, new.uptime)
            absence = absence ?? Absence(wasSynchronized: reading.isSynchronized && isNear(difference))
        }
        time = time.advanced(by: .microseconds(elapsed))
        reading = new
        guard let absence else { return followWall() }
        let isShort = difference >= -Self.stepLimit.microseconds && difference <= Self.absenceLimit.microseconds
        let isProven = difference > 0 && absence.wasSynchronized && new.isSynchronized
        if isShort || isProven {
            countAbsence()
        } else if new.isSynchronized {
            return confirm()
        }
        return nil
    }

    private mutating func followWall() -> Duration? {
        guard !isNear(difference) else {
            // Clocks drift apart slowly; that is not a step.
            offset = reading.wall.subtractingSaturated(time.microseconds)
            return nil
        }
        return reading.isSynchronized ? confirm() : nil
    }

    private mutating func countAbsence() {
        time = time.advanced(by: .microseconds(max(0, difference)))
        offset = reading.wall.subtractingSaturated(time.microseconds)
        absence = nil
    }

    /// Trusts the wall clock from now on. Its step does not count as time that passed.
    ///
    /// - Returns: the time by which the wall clock was set.
    @discardableResult
    package mutating func confirm() -> Duration {
        let step = difference
        offset = reading.wall.subtractingSaturated(time.microseconds)
        absence = nil
        return .microseconds(step)
    }

    /// Trusts the wall clock, and counts its step as time that really passed.
    package mutating func confirmElapsed() { countAbsence() }

    private func isNear(_ difference: Int64) -> Bool {
        let limit = Self.stepLimit.microseconds
        return (-limit...limit).contains(difference)
    }
}
