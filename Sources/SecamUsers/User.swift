public import SecamWire

/// A person's or a device's account at the gateway.
public struct User: Sendable, Hashable {
    public let name: Name
    public let role: UserRole
    public let cameras: CameraRights
    /// Whether logins are refused although the account exists.
    public let disabled: Bool
    /// A new number each time password, role or `disabled` change: sessions of an older one must end.
    public let credentialRevision: Int64

    public init(name: Name, role: UserRole, cameras: CameraRights, disabled: Bool, credentialRevision: Int64) {
        self.name = name
        self.role = role
        self.cameras = cameras
        self.disabled = disabled
        self.credentialRevision = credentialRevision
    }

    /// Whether this user may see the camera. An admin sees every camera, since an admin could grant it anyway.
    public func maySee(_ camera: Name) -> Bool {
        !disabled && (role == .admin || cameras.contains(camera))
    }
}

/// The cameras that a user was granted.
public enum CameraRights: Sendable, Hashable {
    /// All cameras, those that appear later too.
    case all
    case only(Set<Name>)

    public func contains(_ camera: Name) -> Bool {
        switch self {
        case .all: true
        case .only(let cameras): cameras.contains(camera)
        }
    }
}
