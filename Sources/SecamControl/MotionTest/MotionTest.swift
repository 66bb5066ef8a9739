package import SecamMotionDetector

/// What the detector says of a frame of footage.
package struct MotionTestFrame: Hashable, Sendable {
    package let frame: LumaFrame
    package let isMoving: Bool
    package let boxes: [MotionBox]
    package let transition: MotionTransition?
}

/// Runs the motion detector over footage.
package enum MotionTest {
    /// Cameras' maps come 5 to 10 times a second.
    package static let mapsPerSecond = 10.0
    /// Frames' times jitter by so much; in microseconds.
    private static let tolerance = 2000.0

    /// - Parameters:
    ///   - mapsPerSecond: frames that follow sooner are passed over, and keep the answer of the one before.
    ///   - picture: is given every map that was looked at, to be drawn.
    ///   - body: is given every frame of the file.
    /// - Returns: the end of an event that was not over when the file was.
    @discardableResult
    package static func run(
        _ footage: LumaFootage, settings: MotionSettings = .standard, mapsPerSecond: Double = Self.mapsPerSecond,
        picture: MotionPicture? = nil, _ body: (MotionTestFrame) throws -> Void
    ) throws -> MotionTransition? {
        var detector = MotionDetector(settings: settings)
        var last: Int64?
        var isMoving = false
        let interval = 1e6 / mapsPerSecond - tolerance
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
