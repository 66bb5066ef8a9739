package import SecamWire

/// A frame from the gateway. Copies share the message's bytes.
package struct ReceivedFrame: Sendable {
    package let header: Frame
    package let camera: Name
    /// Time of its last byte's arrival, UTC microseconds.
    package let received: Int64
    /// How far this machine's clock is ahead of the gateway's, microseconds.
    package let clockDifference: Int64
    /// The whole message, of which `payload` is the picture.
    package let message: [UInt8]
    package let payload: Range<Int>

    package init(
        header: Frame, camera: Name, received: Int64, clockDifference: Int64 = 0, message: [UInt8], payload: Range<Int>
    ) {
        self.header = header
        self.camera = camera
        self.received = received
        self.clockDifference = clockDifference
        self.message = message
        self.payload = payload
    }

    /// Microseconds from capture to reception, if the camera's clock is right by the gateway's.
    package var latency: Int64 {
        let (delay, overflow) = received.subtractingReportingOverflow(header.timestamp)
        let (latency, differs) = delay.subtractingReportingOverflow(clockDifference)
        return overflow || differs ? 0 : latency
    }

    /// The JPEG's bytes.
    package var picture: ArraySlice<UInt8> { message[payload] }
}
