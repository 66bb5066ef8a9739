import Logging
import SecamBase
import SecamRecording
import SecamWire

/// Corrects the times that cameras report if they are far from the archive's own; see `TimestampCorrector`.
struct CameraClocks {
    private let logger: Logger
    private var correctors: [Name: TimestampCorrector] = [:]
    /// The reading of a correct wall clock at an instant, UTC microseconds.
    private var expected: (wall: Int64, at: MonotonicTime)?

    init(logger: Logger) { self.logger = logger }

    /// The number of times that were corrected.
    var corrected: UInt64 { correctors.values.reduce(0) { $0 &+ $1.corrected } }

    /// Sets the expected reading of the wall clock, which may be wrong for a moment.
    mutating func expect(_ clock: RetentionClock) { expected = (clock.expectedWall, .now) }

    /// Returns a time that the camera reports, corrected if necessary. UTC microseconds.
    mutating func correct(_ time: Int64, of camera: Name) -> Int64 {
        var own = [WallClock.now]
        if let expected { own.append(expected.wall + (MonotonicTime.now - expected.at).microseconds) }
        let before = correctors[camera]?.corrected ?? 0
        let result = correctors[camera, default: TimestampCorrector()].correct(time, near: own)
        if correctors[camera]?.corrected != before {
            logger.warning(
                "timestamp corrected",
                metadata: [
                    "camera": "\(camera)", "reported": "\(UTCText.iso(microseconds: time))",
                    "recorded": "\(UTCText.iso(microseconds: result))",
                ])
        }
        return result
    }

    mutating func correct(_ frame: Frame, of camera: Name) -> Frame {
        let time = correct(frame.timestamp, of: camera)
        guard time != frame.timestamp else { return frame }
        return Frame(
            flow: frame.flow, rendition: frame.rendition, format: frame.format, incarnation: frame.incarnation,
            sequence: frame.sequence, timestamp: time, width: frame.width, height: frame.height)
    }

    /// Corrects the times of an event, and limits its duration to the greatest age of a camera's times.
    mutating func correct(_ event: CameraEvent, of camera: Name) -> CameraEvent {
        let last = correct(event.last, of: camera)
        let earliest = last - TimestampCorrector.behindLimit.microseconds
        guard last != event.last || event.start < earliest else { return event }
        func moved(_ time: Int64) -> Int64 {
            let (before, isLarge) = event.last.subtractingReportingOverflow(time)
            return isLarge ? earliest : min(max(earliest, last - max(0, before)), last)
        }
        return CameraEvent(
            kind: event.kind, state: event.state, id: event.id, start: moved(event.start), last: last,
            peakTime: moved(event.peakTime), peakSequence: event.peakSequence, peakBox: event.peakBox,
            boxes: event.boxes)
    }
}
