package import SecamWire

/// A frame from the gateway. Copies share the message's bytes.
package struct ReceivedFrame: Sendable {
    package let header: Frame
    package let camera: Name
    /// Time of its last byte's arrival, UTC microseconds.
    package let received: Int64
    /// The whole message, of which `payload` is the picture.
    package let message: [UInt8]
    package let payload: Range<Int>

    package init(header: Frame, camera: Name, received: Int64, message: [UInt8], payload: Range<Int>) {
        self.header = header
        self.camera = camera
        self.received = received
        self.message = message
        self.payload = payload
    }

    /// The JPEG's bytes.
    package var picture: ArraySlice<UInt8> { message[payload] }
}
