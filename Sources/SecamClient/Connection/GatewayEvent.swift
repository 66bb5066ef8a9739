package import SecamWire

/// An event from the gateway, or of the connection to it. A `GatewayClient` delivers events in order.
package enum GatewayEvent: Sendable {
    case state(ConnectionState)
    /// All cameras that the user may see.
    case cameras([Cameras.Camera])
    case frame(ReceivedFrame)
    case event(CameraEvent, camera: Name)
    /// The gateway has sent all events that it remembers.
    case eventsComplete
    /// A part of the answer to a query for recordings, events or gaps.
    case found(Found)
    /// A recorded frame.
    case replayed(ReceivedFrame, flow: UInt32)
    case replayEnded(CloseFlow)
    /// The gateway could not do what the client asked.
    case refused(ErrorCode, detail: String)
}

package enum ConnectionState: Sendable, Equatable {
    /// The first attempt is under way.
    case connecting
    /// Logged in.
    case connected(UserRole)
    /// Lost; the client tries again by itself.
    case reconnecting(ConnectionEnd)
    /// Ended for good.
    case failed(ClientError)
}
