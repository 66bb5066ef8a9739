public import SecamWire

/// What is to be done about a camera's events.
public struct HookRule: Sendable, Hashable {
    public enum Action: Sendable, Hashable {
        /// A program and its arguments, as they are: no shell sees them.
        case run([String])
        /// The event is posted to this address.
        ///
        /// - Parameter secretFile: whose text signs what is posted, so that the receiver knows the sender.
        case post(SecretURL, secretFile: String?)
    }

    public static let usualSeconds = 10.0

    public let name: String
    public let action: Action
    /// Empty for all.
    public let cameras: [Name]
    public let states: Set<EventState>
    /// Seconds after which it is given up.
    public let seconds: Double

    public init(name: String, action: Action, cameras: [Name], states: Set<EventState>, seconds: Double) {
        self.name = name
        self.action = action
        self.cameras = cameras
        self.states = states
        self.seconds = seconds
    }

    func concerns(_ occasion: HookOccasion) -> Bool {
        states.contains(occasion.event.state) && (cameras.isEmpty || cameras.contains(occasion.camera))
    }
}

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
