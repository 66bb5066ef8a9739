/// Makes visits out of motion: an event begins with the first object and ends when nothing has moved for a while.
struct EventSegmenter: ~Copyable {
    private(set) var current: MotionEvent?
    private let tuning: DetectorParameters
    private var lastID: UInt64 = 0
    private var told: Int64 = 0
    /// The last motion of the event before.
    private var lastEnd = Int64.min

    init(tuning: DetectorParameters) {
        self.tuning = tuning
    }

    /// Time has jumped, or the picture is another: nobody knows whether it goes on.
    mutating func interrupt() -> MotionTransition? {
        // Times before and after have nothing to do with each other.
        lastEnd = .min
        return current.take().map { .end($0) }
    }

    mutating func take(
        _ tracker: borrowing Tracker, _ boxes: [MotionBox], isMoving: Bool, at now: Int64, frameNumber: UInt64
    ) -> MotionTransition? {
        guard isMoving else {
            guard let event = current, seconds(now, since: event.lastMicroseconds) >= tuning.quietSeconds else {
                return nil
            }
            current = nil
            lastEnd = event.lastMicroseconds
            return .end(event)
        }
        let score = boxes.reduce(0) { $0 + $1.score }
        guard var event = current else {
            lastID += 1
            told = now
            // Somebody who rested and moves again was first seen in the event before.
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
        guard seconds(now, since: told) >= tuning.updateSeconds else { return nil }
        told = now
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
