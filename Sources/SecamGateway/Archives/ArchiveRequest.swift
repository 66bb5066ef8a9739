package import NIOCore
package import SecamWire

/// What a viewer wants of the past, as far as it may.
package enum ArchiveRequest: Sendable, Equatable {
    /// Only of cameras that it may see.
    case search(Search)
    case protect(Protect)
    case replay(Replay)
    /// More frames of a replay may be sent.
    case credit(flow: UInt32, frames: UInt32)
    /// A frame of a replay has left for the viewer.
    case sent(flow: UInt32)
    case close(flow: UInt32)
    /// The viewer is gone.
    case forget
}

/// A viewer who looks back, as the side of the gateway that talks to the archives knows it.
package struct ArchiveClient: Sendable {
    package let id: UInt64
    /// Hands an answer to the viewer: a whole FOUND, CLOSE or FRAME message with the viewer's own numbers. Any thread.
    package let answer: @Sendable (ArchiveAnswer) -> Void
}

package enum ArchiveAnswer: Sendable {
    case found(Found)
    case close(CloseFlow)
    case frame(ByteBuffer, flow: UInt32)
}
