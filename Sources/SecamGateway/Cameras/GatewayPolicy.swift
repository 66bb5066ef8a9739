import SecamMesh
import SecamPolicy
import SecamProcess
import SecamRegistry
import SecamWire

/// What the gateway asks of every camera, from its settings and the policy file.
struct GatewayPolicy: Sendable {
    var quality: UInt8
    var subWidth: UInt16
    var ringSeconds: UInt16
    var ringBytes: UInt64
    /// Whether motion is looked for where the file does not say.
    var isMotionUsual: Bool
    /// How cameras are recorded where the file does not say; `nil` for not at all.
    var usualRecording: RecordingMode?
    var file = PolicyFile.none
    /// For what depends on the time of day.
    var clock: @Sendable () -> LocalTime = { LocalTime.now }

    init(_ settings: Settings) throws(SettingsError) {
        quality = UInt8(try settings.integer("quality", in: 1...100, default: 80))
        subWidth = UInt16(try settings.integer("sub.width", in: 64...4096, default: 640))
        ringSeconds = UInt16(try settings.integer("ring.seconds", in: 1...3600, default: 30))
        isMotionUsual = try settings.flag("motion", default: true)
        let record = settings.text("record") ?? "off"
        guard let mode = RecordRule.mode(record) else {
            throw SettingsError(key: "record", value: record, expected: "off, motion, continuous or both")
        }
        usualRecording = mode
        ringBytes = UInt64(try settings.integer("ring.megabytes", in: 1...65536, default: 64)) << 20
    }
}

extension GatewayPolicy: CameraPolicies {
    func policy(for camera: Name) -> Policy {
        Policy(
            quality: quality, watched: motion(for: camera) != nil, subWidth: subWidth, ringSeconds: ringSeconds,
            // What moves must have been kept from before it moved, and an archive that is away for a while is owed the
            // ring when it comes back.
            kept: recording(of: camera) == nil ? [] : .jpeg, ringBytes: ringBytes, camera: camera)
    }

    var advertisedHosts: [String] { file.advertisedHosts }

    var goneCameraKeep: UInt32 { file.goneCameraKeep }

    func recording(of camera: Name) -> Recording.Camera? { file.recording(of: camera, usual: usualRecording) }

    func motion(for camera: Name) -> Assignment.Camera? { file.duty(for: camera, isUsual: isMotionUsual, at: clock()) }
}
