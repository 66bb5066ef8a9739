import SecamBase
package import SecamWire

/// An event as programs read it, the same in hooks and in what `secam-view` prints.
package enum EventText {
    /// One JSON object on one line. Boxes are x, y, width and height as parts of the picture, 0 to 1.
    package static func json(_ event: CameraEvent, of camera: Name) -> String {
        JSONText.object([
            ("camera", JSONText.string(camera.text)), ("id", JSONText.string(id(event.id))),
            ("kind", JSONText.string("\(event.kind)")), ("state", JSONText.string("\(event.state)")),
            ("start", JSONText.string(UTCText.iso(microseconds: event.start))),
            ("last", JSONText.string(UTCText.iso(microseconds: event.last))),
            ("start_us", "\(event.start)"), ("last_us", "\(event.last)"),
            ("peak_us", "\(event.peakTime)"), ("peak_frame", "\(event.peakSequence)"),
            ("score", JSONText.number(Double(event.peakBox.score) / 10, digits: 1)),
            ("peak_box", box(event.peakBox)), ("boxes", JSONText.array(event.boxes.map(box))),
        ])
    }

    /// An event's number as people copy it: 16 hexadecimal digits.
    package static func id(_ id: UInt64) -> String {
        let digits = String(id, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func box(_ box: CameraEvent.Box) -> String {
        JSONText.array(
            [box.x, box.y, box.width, box.height].map { JSONText.number(Double($0) / 65535, digits: 4) })
    }
}
