package import SecamWire

/// A person's or a device's account at the gateway.
package struct User: Sendable, Hashable {
    package let name: Name
    package let role: UserRole
    package let cameras: CameraRights
    /// Whether logins are refused although the account exists.
    package let disabled: Bool
    /// A new number each time password, role or `disabled` change: sessions of an older one must end.
    package let credentialRevision: Int64

    package init(name: Name, role: UserRole, cameras: CameraRights, disabled: Bool, credentialRevision: Int64) {
        self.name = name
        self.role = role
        self.cameras = cameras
        self.disabled = disabled
        self.credentialRevision = credentialRevision
    }

    /// Whether this user may see the camera. An admin sees every camera, since an admin could grant it anyway.
    package func maySee(_ camera: Name) -> Bool {
        !disabled && (role == .admin || cameras.contains(camera))
    }
}

/// The cameras that a user was granted.
package enum CameraRights: Sendable, Hashable {
    /// All cameras, those that appear later too.
    case all
    case only(Set<Name>)

    package func contains(_ camera: Name) -> Bool {
        switch self {
        case .all: true
        case .only(let cameras): cameras.contains(camera)
        }
    }
}
