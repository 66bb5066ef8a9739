package import SecamWire

/// What is to be done about a camera's events.
package struct HookRule: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        /// A program and its arguments, as they are: no shell sees them.
        case run([String])
        /// The event is posted to this address.
        ///
        /// - Parameter secretFile: whose text signs what is posted, so that the receiver knows the sender.
        case post(SecretURL, secretFile: String?)
    }

    package static let usualSeconds = 10.0

    package let name: String
    package let action: Action
    /// Empty for all.
    package let cameras: [Name]
    /// Of motion events.
    package let states: Set<EventState>
    package let conditions: Set<SystemCondition>
    /// Seconds after which it is given up.
    package let seconds: Double

    package init(
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
package enum SystemCondition: String, Sendable, CaseIterable, CustomStringConvertible {
    case cameraOffline = "camera-offline"
    /// A camera is to be recorded, and no archive does.
    case recordingStopped = "recording-stopped"
    /// An archive's disk is nearly full.
    case diskLow = "disk-low"

    package var description: String { rawValue }
}
