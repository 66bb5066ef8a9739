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
    /// Of motion events.
    public let states: Set<EventState>
    public let conditions: Set<SystemCondition>
    /// Seconds after which it is given up.
    public let seconds: Double

    public init(
        name: String, action: Action, cameras: [Name], states: Set<EventState>, conditions: Set<SystemCondition> = [],
        seconds: Double
    ) {
        self.name = name
        self.action = action
        self.cameras = cameras
        self.states = states
        self.conditions = conditions
        self.seconds = seconds
    }
}

/// A state of the system that an operator must act on.
public enum SystemCondition: String, Sendable, CaseIterable, CustomStringConvertible {
    case cameraOffline = "camera-offline"
    /// A camera is to be recorded, and no archive does.
    case recordingStopped = "recording-stopped"
    /// An archive's disk is nearly full.
    case diskLow = "disk-low"

    public var description: String { rawValue }
}
