package import SecamWire

/// What a `GatewayClient` tells, in order.
package enum GatewayEvent: Sendable {
    case state(ConnectionState)
    /// All cameras that the user may see.
    case cameras([Cameras.Camera])
    case frame(ReceivedFrame)
    case event(CameraEvent, camera: Name)
    /// All events that the gateway remembers have been told.
    case eventsComplete
    case found(Found)
    case replayed(ReceivedFrame, flow: UInt32)
    case replayEnded(CloseFlow)
    /// The gateway could not do what was asked.
    case refused(ErrorCode, detail: String)
}

package enum ConnectionState: Sendable, Equatable {
    /// The first try is under way.
    case connecting
    /// Logged in.
    case connected(UserRole)
    /// Lost; tried again by itself.
    case reconnecting(ConnectionEnd)
    /// Ended for good.
    case failed(ClientError)
}
