import SecamBase
import SecamWire

/// The pauses of cameras that end their recordings too often, as by changing the size of their pictures. Without a pause,
/// such a camera would fill the index with small recordings. A state machine: time is an argument.
struct RecordingPauses {
    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(64)
    /// The time after a pause in which the next one is twice as long.
    private static let memoryTime = Duration.seconds(600)

    private var pauses: [Name: (end: MonotonicTime, length: Duration)] = [:]

    func isPaused(_ camera: Name, now: MonotonicTime) -> Bool { pauses[camera].map { now < $0.end } ?? false }

    /// Pauses a camera.
    ///
    /// - Returns: false if it is paused already.
    mutating func pause(_ camera: Name, now: MonotonicTime) -> Bool {
        guard !isPaused(camera, now: now) else { return false }
        let last = pauses[camera].flatMap { now - $0.end < Self.memoryTime ? $0.length : nil }
        let length = min(Self.longestPause, last.map { $0 * 2 } ?? Self.firstPause)
        pauses = pauses.filter { now - $0.value.end < Self.memoryTime }
        pauses[camera] = (end: now + length, length: length)
        return true
    }
}
