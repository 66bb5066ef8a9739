import SecamBase
package import SecamWire

/// An event as JSON, the same for hooks and for the output of `secam-view`.
package enum EventText {
    /// Returns one line with a JSON object. Boxes are x, y, width and height as fractions of the picture, 0 to 1.
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

    /// Returns an event's id as 16 hexadecimal digits.
    package static func id(_ id: UInt64) -> String {
        let digits = String(id, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func box(_ box: CameraEvent.Box) -> String {
        JSONText.array(
            [box.x, box.y, box.width, box.height].map { JSONText.number(Double($0) / 65535, digits: 4) })
    }
}
