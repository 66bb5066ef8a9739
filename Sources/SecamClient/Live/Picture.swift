import SecamWire

/// A decoded picture: I420 without padding.
final class Picture: Sendable {
    /// Pixels.
    let width: Int
    /// Pixels.
    let height: Int
    let bytes: [UInt8]
    /// The frame that it was made of; its size is that of the picture before it was scaled down.
    let frame: ReceivedFrame

    init(width: Int, height: Int, bytes: [UInt8], frame: ReceivedFrame) {
        self.width = width
        self.height = height
        self.bytes = bytes
        self.frame = frame
    }
}
