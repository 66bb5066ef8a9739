package import SecamWire

/// The policies that the registry sends to cameras, motion services and archives. It queries them repeatedly, since
/// they may depend on the time of day.
package protocol CameraPolicies: Sendable {
    /// Returns the current policy for a camera.
    func policy(for camera: Name) -> Policy
    /// Returns the current motion settings of a camera; `nil` without motion detection.
    func motion(for camera: Name) -> Assignment.Camera?
    /// Returns the current recording rules of a camera; `nil` without recording.
    func recording(of camera: Name) -> Recording.Camera?
    /// Retention of all recordings of a camera that is no longer admitted, in seconds after the last one; 0 for no
    /// limit.
    var goneCameraKeep: UInt32 { get }
    /// Hosts that services may advertise besides the address that they connect from, without brackets.
    var advertisedHosts: [String] { get }
}
