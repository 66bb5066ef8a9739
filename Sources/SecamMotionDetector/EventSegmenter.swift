/// A segmenter of motion into events. An event starts with the first object and ends after a time without motion.
struct EventSegmenter: ~Copyable {
    private(set) var current: MotionEvent?
    private let parameters: DetectorParameters
    private var lastID: UInt64 = 0
    private var lastReported: Int64 = 0
    /// Time of the last motion of the previous event.
    private var lastEnd = Int64.min

    init(parameters: DetectorParameters) {
        self.parameters = parameters
    }

    /// Ends the current event after a jump in time or a change of the picture's size.
    mutating func interrupt() -> MotionTransition? {
        // Times before and after a jump are not comparable.
        lastEnd = .min
        return current.take().map { .end($0) }
    }

    mutating func update(
        _ tracker: borrowing Tracker, _ boxes: [MotionBox], isMoving: Bool, at now: Int64, frameNumber: UInt64
    ) -> MotionTransition? {
        guard isMoving else {
            guard let event = current, seconds(now, since: event.lastMicroseconds) >= parameters.quietSeconds else {
                return nil
            }
            current = nil
            lastEnd = event.lastMicroseconds
            return .end(event)
        }
        let score = boxes.reduce(0) { $0 + $1.score }
        guard var event = current else {
            lastID += 1
            lastReported = now
            // An object that rested and moves again was first seen during the previous event.
            let first = tracker.firstMotion(at: now) ?? now
            let event = MotionEvent(
                id: lastID, startMicroseconds: first > lastEnd ? first : now, lastMicroseconds: now,
                peakScore: score, peakMicroseconds: now, peakFrame: frameNumber, peakBox: union(boxes, score))
            current = event
            return .start(event)
        }
        if let moved = tracker.lastMotion(at: now) { event.lastMicroseconds = max(event.lastMicroseconds, moved) }
        if score > event.peakScore {
            event.peakScore = score
            event.peakMicroseconds = now
            event.peakFrame = frameNumber
            event.peakBox = union(boxes, score)
        }
        current = event
        guard seconds(now, since: lastReported) >= parameters.updateSeconds else { return nil }
        lastReported = now
        return .update(event)
    }

    private func seconds(_ now: Int64, since then: Int64) -> Float { Float(now - then) / 1e6 }

    private func union(_ boxes: [MotionBox], _ score: Double) -> MotionBox {
        var (left, top, right, bottom) = (1.0, 1.0, 0.0, 0.0)
        for box in boxes {
            left = min(left, box.x)
            top = min(top, box.y)
            right = max(right, box.x + box.width)
            bottom = max(bottom, box.y + box.height)
        }
        guard right > left else { return MotionBox(x: 0, y: 0, width: 0, height: 0, score: 0) }
        return MotionBox(x: left, y: top, width: right - left, height: bottom - top, score: score)
    }
}
