import SecamBase
import SecamMesh
import SecamWire

/// A camera's state as members see it: the state of its device, or `waiting` while no encoder takes its pictures.
///
/// A state machine without I/O: time is an argument.
struct CameraStatus {
    /// Time without an encoder after which the camera counts as `waiting`.
    private static let encoderTimeout: Duration = .seconds(1)

    /// The state of the device.
    private(set) var device: CameraReport
    /// Since when pictures wait and no encoder is connected.
    private var unservedSince: MonotonicTime?

    /// - Parameters:
    ///   - source: where the pictures come from, without secrets.
    ///   - time: UTC microseconds.
    init(source: String, time: Int64) {
        device = CameraReport(
            state: .starting, format: nil, width: 0, height: 0, frameRate: 0, since: time, source: source, detail: "")
    }

    /// Records the device's new state.
    ///
    /// - Returns: whether the state or its detail differs from the one before.
    mutating func update(_ state: CameraState, _ format: SourceFormat?, detail: String, time: Int64) -> Bool {
        let isChanged = state != device.state || detail != device.detail
        device = CameraReport(
            state: state, format: format?.pixelFormat, width: UInt16(clamping: format?.width ?? 0),
            height: UInt16(clamping: format?.height ?? 0),
            frameRate: CameraStatus.thousandths(format?.framesPerSecond),
            since: state == device.state ? device.since : time, source: device.source, detail: detail)
        return isChanged
    }

    /// Records whether pictures wait while no encoder is connected. Called once a second.
    ///
    /// - Returns: whether members must be told of a change.
    mutating func updateEncoders(isUnserved: Bool, now: MonotonicTime) -> Bool {
        guard isUnserved else {
            defer { unservedSince = nil }
            return unservedSince != nil
        }
        guard let since = unservedSince else {
            unservedSince = now
            return false
        }
        return (CameraStatus.encoderTimeout..<CameraStatus.encoderTimeout * 2).contains(now - since)
    }

    /// Returns the report for the registry.
    ///
    /// - Parameter time: UTC microseconds.
    func report(now: MonotonicTime, time: Int64) -> CameraReport {
        guard let since = unservedSince, device.state == .online, now - since >= CameraStatus.encoderTimeout else {
            return device
        }
        return CameraReport(
            state: .waiting, format: device.format, width: device.width, height: device.height,
            frameRate: device.frameRate, since: time - (now - since).microseconds, source: device.source,
            detail: "no encoder connected; start secam-encode")
    }

    /// Returns a device's frame rate in thousandths of a frame a second; 0, which means unknown, where it is absurd.
    private static func thousandths(_ framesPerSecond: Double?) -> UInt32 {
        guard let rate = framesPerSecond, (0...100_000).contains(rate) else { return 0 }
        return UInt32(rate * 1000)
    }
}
