public import NIOCore
public import SecamWire

/// What a viewer wants of the past, as far as it may.
public enum LookRequest: Sendable, Equatable {
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
public struct LookingViewer: Sendable {
    public let id: UInt64
    /// Hands an answer to the viewer: a whole FOUND, CLOSE or FRAME message with the viewer's own numbers. Any thread.
    public let answer: @Sendable (LookAnswer) -> Void
}

public enum LookAnswer: Sendable {
    case found(Found)
    case close(CloseFlow)
    case frame(ByteBuffer, flow: UInt32)
}
