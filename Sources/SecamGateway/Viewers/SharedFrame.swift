import NIOCore
import SecamWire

/// One rendition of one camera.
struct FlowKey: Hashable, Sendable {
    let camera: UInt32
    let rendition: Rendition
}

/// A frame on its way to its viewers. All viewers share the bytes; none changes or copies them.
struct SharedFrame: Sendable {
    let key: FlowKey
    /// Grows by one with each frame of the flow, across restarts of the camera.
    let serial: UInt64
    /// The whole FRAME message.
    let message: ByteBuffer
    let published: NIODeadline
}
