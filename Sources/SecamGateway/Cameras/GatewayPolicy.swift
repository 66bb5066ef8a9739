import SecamMesh
import SecamPolicy
import SecamProcess
import SecamRegistry
import SecamWire

/// The policies of all cameras, from the gateway's settings and the policy file.
struct GatewayPolicy: Sendable {
    var quality: UInt8
    var subWidth: UInt16
    var ringSeconds: UInt16
    var ringBytes: UInt64
    /// Whether motion is detected where the file does not say.
    var defaultMotion: Bool
    /// The recording mode where the file does not say; `nil` for no recording.
    var defaultRecording: RecordingMode?
    var file = PolicyFile.none
    /// The local time, for schedules.
    var clock: @Sendable () -> LocalTime = { LocalTime.now }

    init(_ settings: Settings) throws(SettingsError) {
        quality = UInt8(try settings.integer("quality", in: 1...100, default: 80))
        subWidth = UInt16(try settings.integer("sub.width", in: 64...4096, default: 640))
        ringSeconds = UInt16(try settings.integer("ring.seconds", in: 1...3600, default: 30))
        defaultMotion = try settings.flag("motion", default: true)
        let record = settings.text("record") ?? "off"
        guard let mode = RecordRule.mode(record) else {
            throw SettingsError(key: "record", value: record, expected: "off, motion, continuous or both")
        }
        defaultRecording = mode
        ringBytes = UInt64(try settings.integer("ring.megabytes", in: 1...65536, default: 64)) << 20
    }
}

extension GatewayPolicy: CameraPolicies {
    func policy(for camera: Name) -> Policy {
        Policy(
            quality: quality, watched: motion(for: camera) != nil, subWidth: subWidth, ringSeconds: ringSeconds,
            // Recording needs the frames from before an event, and those from a time when the archive was away.
            kept: recording(of: camera) == nil ? [] : .jpeg, ringBytes: ringBytes, camera: camera)
    }

    var advertisedHosts: [String] { file.advertisedHosts }

    var goneCameraKeep: UInt32 { file.goneCameraKeep }

    func recording(of camera: Name) -> Recording.Camera? { file.recording(of: camera, default: defaultRecording) }

    func motion(for camera: Name) -> Assignment.Camera? { file.motion(of: camera, default: defaultMotion, at: clock()) }
}
