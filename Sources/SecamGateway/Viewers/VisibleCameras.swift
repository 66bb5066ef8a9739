import NIOCore
import SecamUsers
import SecamWire

/// The cameras that are visible with the same rights, as one message for all users who have them.
final class VisibleCameras: Sendable {
    let cameras: [Cameras.Camera]
    let numbers: Set<UInt32>
    /// The CAMERAS message.
    let message: ByteBuffer

    init(of cameras: [Cameras.Camera], for rights: CameraRights) {
        self.cameras = Array(cameras.lazy.filter { rights.contains($0.name) }.prefix(WireLimits.members))
        numbers = Set(self.cameras.map(\.camera))
        message = ByteBuffer(bytes: Cameras(cameras: self.cameras).encoded())
    }
}

extension User {
    /// The rights in force: an admin sees all cameras, whatever was granted.
    var effectiveRights: CameraRights {
        switch role {
        case .admin: .all
        case .viewer: cameras
        }
    }
}
