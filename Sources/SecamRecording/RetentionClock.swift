import SecamWire

/// An instant of an archive's own time, by which the age of recordings is judged. Only differences mean something.
package struct RetentionTime: Sendable, Hashable, Comparable {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    /// Saturates at both ends.
    package func advanced(by duration: Duration) -> RetentionTime {
        RetentionTime(microseconds: microseconds.addingSaturated(duration.microseconds))
    }

    package static func < (left: RetentionTime, right: RetentionTime) -> Bool { left.microseconds < right.microseconds }
}

/// Counts the time that archives of a volume have seen pass, whatever the wall clock says.
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
    /// All clocks of a machine at one moment.
    package struct Reading: Sendable, Equatable {
        /// UTC microseconds, as the wall clock says.
        package let wall: Int64
        /// Microseconds since the machine's start, suspension included.
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

    /// Why the wall clock is not believed. Durations are how far it is ahead; negative when it is behind.
    package enum Doubt: Sendable, Equatable {
        /// It was set while an archive ran.
        case step(Duration)
        /// It says that the archive was away for so long.
        case absence(Duration)
    }

    /// A difference between the wall clock and the time that passed, from which on the wall clock is doubted.
    package static let stepLimit = Duration.seconds(300)
    /// The longest absence over a restart of the machine that is believed without proof.
    package static let absenceLimit = Duration.seconds(24 * 3600)

    /// Now, as of the last reading.
    public internal(set) var time: RetentionTime
    var reading: Reading
    /// What the wall clock is ahead of `time` when it is right, in microseconds.
    var offset: Int64
    /// Set while the length of an absence is not known.
    var absence: Absence?

    struct Absence: Sendable, Equatable {
        /// Whether the wall clock was synchronized before it.
        let wasSynchronized: Bool
    }

    /// A clock that begins now.
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

    /// What the wall clock says now if it is right, UTC microseconds.
    package var expectedWall: Int64 { time.microseconds.addingSaturated(offset) }

    /// How far the wall clock is ahead of what is expected, in microseconds.
    private var difference: Int64 { reading.wall.subtractingSaturated(expectedWall) }

    package var doubt: Doubt? {
        if absence != nil { return .absence(.microseconds(difference)) }
        return isNear(difference) ? nil : .step(.microseconds(difference))
    }

    /// Counts the time since the last reading.
    ///
    /// - Returns: by how much the wall clock was set, when that is believed.
    @discardableResult
    package mutating func advance(to new: Reading) -> Duration? {
        let elapsed: Int64
        if new.boot == reading.boot {
            elapsed = max(0, new.uptime.subtractingSaturated(reading.uptime))
        } else {
            // The machine has been running for so long at least.
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
            // Clocks drift apart by little; that is no step.
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

    /// Takes the wall clock as right from now on. What it was set by does not count as time that passed.
    ///
    /// - Returns: what it was set by.
    @discardableResult
    package mutating func confirm() -> Duration {
        let step = difference
        offset = reading.wall.subtractingSaturated(time.microseconds)
        absence = nil
        return .microseconds(step)
    }

    /// Takes the wall clock as right, and what it is ahead by as time that really passed.
    package mutating func confirmElapsed() { countAbsence() }

    private func isNear(_ difference: Int64) -> Bool {
        let limit = Self.stepLimit.microseconds
        return (-limit...limit).contains(difference)
    }
}

extension Duration {
    /// Whole microseconds, saturated.
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, isLarge) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !isLarge else { return seconds < 0 ? .min : .max }
        return product.addingSaturated(attoseconds / 1_000_000_000_000)
    }
}
