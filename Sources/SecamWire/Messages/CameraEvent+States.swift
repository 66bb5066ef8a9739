extension CameraEvent {
    /// The same event, ended, without present motion.
    package var ended: CameraEvent {
        CameraEvent(
            kind: kind, state: .end, id: id, start: start, last: last, peakTime: peakTime, peakSequence: peakSequence,
            peakBox: peakBox, boxes: [])
    }
}

extension CameraEvent.Box {
    /// A box without an area.
    package static let none = CameraEvent.Box(x: 0, y: 0, width: 0, height: 0, score: 0)
}
