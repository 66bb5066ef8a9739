import SecamWire

/// A decoded I420 picture without padding.
final class Picture: Sendable {
    /// Pixels.
    let width: Int
    /// Pixels.
    let height: Int
    let bytes: [UInt8]
    /// The encoded frame, which may be larger than the decoded picture.
    let frame: ReceivedFrame

    init(width: Int, height: Int, bytes: [UInt8], frame: ReceivedFrame) {
        self.width = width
        self.height = height
        self.bytes = bytes
        self.frame = frame
    }
}
