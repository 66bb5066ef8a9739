package import SecamWire

/// A segment as stored in the index.
package struct SegmentRow: Sendable, Equatable {
    package enum State: Int, Sendable {
        case open = 0
        case complete = 1
        case removing = 2
        case thinning = 3
        case compressing = 4
    }

    package let id: Int64
    package let camera: Name
    /// The path relative to the recordings' folder.
    package let path: String
    package let incarnation: UInt64
    package let firstSequence: UInt64
    package let lastSequence: UInt64
    /// The time of the first frame, UTC microseconds.
    package let start: Int64
    /// The time of the last frame, UTC microseconds.
    package let end: Int64
    package let frames: Int
    package let bytes: UInt64
    package let state: State
    package let isProtected: Bool
    /// The time when the archive last wrote to it.
    package let arrival: RetentionTime
    /// Whether the frames came from the camera's spool and were recorded beside the live ones.
    package let isSpooled: Bool
}
