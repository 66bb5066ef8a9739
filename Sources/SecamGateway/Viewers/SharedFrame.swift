import NIOCore
import SecamWire

/// One camera in one rendition.
struct FlowKey: Hashable, Sendable {
    let camera: UInt32
    let rendition: Rendition
}

/// One frame on its way to every viewer: they all send the same bytes, which nobody changes or copies.
struct SharedFrame: Sendable {
    let key: FlowKey
    /// Grows by one for each frame of the flow, whatever its camera's incarnation.
    let serial: UInt64
    /// The whole FRAME message.
    let message: ByteBuffer
    let published: NIODeadline
}
