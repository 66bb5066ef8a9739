import SecamBase
package import SecamWire

/// A camera as JSON, the same for the HTTP interface and for the output of `secam-view`.
package enum CameraText {
    package static func json(_ camera: Cameras.Camera) -> String {
        JSONText.object([
            ("name", JSONText.string(camera.name.text)), ("state", JSONText.string("\(camera.state)")),
            ("recording", JSONText.string("\(camera.recording)")),
            ("width", camera.width == 0 ? "null" : "\(camera.width)"),
            ("height", camera.height == 0 ? "null" : "\(camera.height)"),
            ("fps", JSONText.number(camera.frameRate == 0 ? nil : Double(camera.frameRate) / 1000, digits: 3)),
            ("since_us", "\(camera.since)"), ("detail", JSONText.string(camera.detail)),
        ])
    }
}

/// Recordings and gaps as JSON, the same for the HTTP interface and for the output of `secam-view`.
package enum RecordingText {
    /// - Parameter isOverlapping: whether another recording of the camera covers a part of the same time; `nil` to leave
    ///   the field out.
    package static func json(_ recording: FoundRecording, isOverlapping: Bool? = nil) -> String {
        var fields = [
            ("camera", JSONText.string(recording.camera.text)),
            ("start", JSONText.string(UTCText.iso(microseconds: recording.start))),
            ("end", JSONText.string(UTCText.iso(microseconds: recording.end))),
            ("start_us", "\(recording.start)"), ("end_us", "\(recording.end)"),
            ("frames", "\(recording.frames)"), ("bytes", "\(recording.bytes)"),
            ("protected", recording.protected ? "true" : "false"), ("open", recording.open ? "true" : "false"),
        ]
        if let isOverlapping { fields.append(("overlaps", isOverlapping ? "true" : "false")) }
        return JSONText.object(fields)
    }

    package static func json(_ gap: FoundGap) -> String {
        JSONText.object([
            ("camera", JSONText.string(gap.camera.text)),
            ("start", JSONText.string(UTCText.iso(microseconds: gap.start))),
            ("end", JSONText.string(UTCText.iso(microseconds: gap.end))), ("frames", "\(gap.frames)"),
            ("reason", JSONText.string("\(gap.reason)")),
        ])
    }
}
