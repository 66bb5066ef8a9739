package import SecamWire

/// A hook of the policy: an action, and the events that trigger it.
package struct HookRule: Sendable, Hashable {
    package enum Action: Sendable, Hashable {
        /// Runs a program with arguments, without a shell.
        case run([String])
        /// Posts the event to an address.
        ///
        /// - Parameter secretFile: a file with the secret that signs the post, so that the receiver can verify the sender.
        case post(SecretURL, secretFile: String?)
    }

    package static let defaultTimeout = Duration.seconds(10)

    package let name: String
    package let action: Action
    /// Empty for all cameras.
    package let cameras: [Name]
    /// The states of motion events that trigger the hook.
    package let states: Set<EventState>
    package let conditions: Set<SystemCondition>
    /// How long one run or post may take.
    package let timeout: Duration

    package init(
        name: String, action: Action, cameras: [Name], states: Set<EventState>, conditions: Set<SystemCondition> = [],
        timeout: Duration
    ) {
        self.name = name
        self.action = action
        self.cameras = cameras
        self.states = states
        self.conditions = conditions
        self.timeout = timeout
    }
}

/// A state of the system that an operator must act on.
package enum SystemCondition: String, Sendable, CaseIterable, CustomStringConvertible {
    case cameraOffline = "camera-offline"
    /// No archive records a camera that should be recorded.
    case recordingStopped = "recording-stopped"
    /// An archive's disk is nearly full.
    case diskLow = "disk-low"

    package var description: String { rawValue }
}
