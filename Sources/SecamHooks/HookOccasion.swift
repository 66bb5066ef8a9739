public import SecamWire

/// Something that hooks may be told of.
public struct HookOccasion: Sendable, Hashable {
    public let camera: Name
    public let event: CameraEvent

    public init(camera: Name, event: CameraEvent) {
        self.camera = camera
        self.event = event
    }
}

/// Why a hook did not do what it should.
struct HookFailure: Error, Equatable, CustomStringConvertible {
    let description: String
    /// Whether another try could go better.
    let isPassing: Bool
}
