public import SecamWire

/// What the registry tells cameras, motion services and archives. It is asked again and again, since what holds can
/// depend on the time of day.
public protocol CameraPolicies: Sendable {
    /// What a camera is to be told now.
    func policy(for camera: Name) -> Policy
    /// How motion is to be looked for before a camera now; `nil` when it is not.
    func motion(for camera: Name) -> Assignment.Camera?
    /// How a camera is to be recorded now; `nil` when it is not.
    func recording(of camera: Name) -> Recording.Camera?
}

/// Spreads cameras over services without anybody keeping a table: each camera belongs to the service with the greatest
/// weight, so that one service more or less only moves the cameras that are its own.
enum Rendezvous {
    /// FNV-1a over both names, then the finalizer of SplitMix64, since names differ in few bits only.
    static func weight(of camera: Name, at service: Name) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in Array(camera.text.utf8) + [0] + Array(service.text.utf8) {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        hash = (hash ^ hash >> 30) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ hash >> 27) &* 0x94d0_49bb_1331_11eb
        return hash ^ hash >> 31
    }
}
