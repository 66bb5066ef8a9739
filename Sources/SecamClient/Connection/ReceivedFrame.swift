public import SecamWire

/// A frame as it came from the gateway. Copies share the message's bytes.
public struct ReceivedFrame: Sendable {
    public let header: Frame
    public let camera: Name
    /// When its last byte was there, UTC microseconds.
    public let received: Int64
    /// The whole message; the picture lies at `payload`.
    public let message: [UInt8]
    public let payload: Range<Int>

    public init(header: Frame, camera: Name, received: Int64, message: [UInt8], payload: Range<Int>) {
        self.header = header
        self.camera = camera
        self.received = received
        self.message = message
        self.payload = payload
    }

    /// The JPEG's bytes.
    public var picture: ArraySlice<UInt8> { message[payload] }
}
