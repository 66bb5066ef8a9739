package import NIOCore
package import SecamWire

/// A viewer's request to the archives, restricted to the user's rights.
package enum ArchiveRequest: Sendable, Equatable {
    /// Names only cameras that the user may see.
    case search(Search)
    case protect(Protect)
    case replay(Replay)
    /// The viewer accepts more frames of a replay.
    case credit(flow: UInt32, frames: UInt32)
    /// A frame of a replay was sent to the viewer.
    case sent(flow: UInt32)
    case close(flow: UInt32)
    /// The viewer disconnected.
    case disconnected
}

/// A viewer as a client of the archives.
package struct ArchiveClient: Sendable {
    package let id: UInt64
    /// The name of the user, who shares turns at the archives among all connections.
    package let user: String
    /// Delivers an answer with the viewer's own request and flow numbers. Any thread.
    package let answer: @Sendable (ArchiveAnswer) -> Void
}

package enum ArchiveAnswer: Sendable {
    case found(Found)
    case close(CloseFlow)
    /// The whole FRAME message.
    case frame(ByteBuffer, flow: UInt32)
}
