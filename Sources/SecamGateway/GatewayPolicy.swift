import SecamConfig
import SecamWire

/// What the gateway asks of every camera.
struct GatewayPolicy: Sendable, Equatable {
    var quality: UInt8
    var subWidth: UInt16
    var ringSeconds: UInt16
    var ringBytes: UInt64

    init(_ settings: Settings) throws(SettingsError) {
        quality = UInt8(try settings.integer("quality", in: 1...100, default: 80))
        subWidth = UInt16(try settings.integer("sub.width", in: 64...4096, default: 640))
        ringSeconds = UInt16(try settings.integer("ring.seconds", in: 1...3600, default: 30))
        ringBytes = UInt64(try settings.integer("ring.megabytes", in: 1...65536, default: 64)) << 20
    }

    func message(for camera: Name) -> Policy {
        Policy(
            quality: quality, subWidth: subWidth, ringSeconds: ringSeconds, ringBytes: ringBytes, camera: camera)
    }
}
