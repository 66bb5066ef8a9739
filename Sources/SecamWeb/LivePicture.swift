package import NIOCore
package import SecamWire

/// A frame of a camera for an HTTP client. Clients share the picture's bytes.
package struct LivePicture: Sendable {
    package let frame: Frame
    /// A JPEG; may be empty.
    package let bytes: ByteBuffer

    package init(frame: Frame, bytes: ByteBuffer) {
        self.frame = frame
        self.bytes = bytes
    }

    /// Headers that date the picture.
    ///
    /// - Parameter now: UTC microseconds.
    func headers(at now: Int64) -> [(name: String, value: String)] {
        let age = now.subtractingReportingOverflow(frame.timestamp).partialValue
        return [
            ("X-Secam-Captured", UTCText.iso(microseconds: frame.timestamp)),
            ("X-Secam-Age", String(max(0, age / 1000))),
        ]
    }
}
