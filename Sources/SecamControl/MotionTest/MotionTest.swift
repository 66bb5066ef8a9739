import SecamBase
package import SecamMotionDetector

/// The detector's result for one frame of footage.
package struct MotionTestFrame: Hashable, Sendable {
    package let frame: LumaFrame
    package let isMoving: Bool
    package let boxes: [MotionBox]
    package let transition: MotionTransition?
}

/// Runs the motion detector on footage.
package enum MotionTest {
    /// Cameras send 5 to 10 luma maps a second.
    package static let mapsPerSecond = 10.0
    /// Jitter of the frames' times.
    private static let jitter: Duration = .milliseconds(2)

    /// Runs the motion detector on a file.
    ///
    /// - Parameters:
    ///   - mapsPerSecond: maximum rate of analysed frames; the frames between them keep the previous result.
    ///   - picture: draws every analysed map.
    ///   - body: handles every frame of the file.
    /// - Returns: the end of an event that was active at the end of the file.
    @discardableResult
    package static func run(
        _ footage: LumaFootage, settings: MotionSettings = .standard, mapsPerSecond: Double = Self.mapsPerSecond,
        picture: MotionPicture? = nil, _ body: (MotionTestFrame) throws -> Void
    ) throws -> MotionTransition? {
        var detector = MotionDetector(settings: settings)
        var last: Int64?
        var isMoving = false
        let interval = 1e6 / mapsPerSecond - Double(jitter.microseconds)
        while let (frame, isMap) = try footage.next(where: { time in
            guard let last else { return true }
            return time < last || Double(time - last) >= interval
        }) {
            var transition: MotionTransition?
            if isMap {
                last = frame.timestampMicroseconds
                let map = footage.map
                let report = try detector.process(
                    map.span, width: frame.width, height: frame.height,
                    timestampMicroseconds: frame.timestampMicroseconds, frameNumber: UInt64(frame.number))
                (isMoving, transition) = (report.isMoving, report.transition)
                try picture?.add(frame, map, detector)
            }
            try body(
                MotionTestFrame(frame: frame, isMoving: isMoving, boxes: detector.boxes, transition: transition))
        }
        return detector.finish()
    }
}
