package import SecamWire

extension CloseReason {
    /// Whether the camera will refuse the flow again until it changes.
    package var isPermanent: Bool { self == .forbidden || self == .noSuchContent }

    /// The time that a consumer waits before it opens a flow again that the camera closed for this reason.
    package var retryPause: Duration {
        switch self {
        case .unknownFlow: .zero
        case .done, .tooMany, .shutdown: .seconds(1)
        case .forbidden, .noSuchContent: .seconds(60)
        }
    }
}
