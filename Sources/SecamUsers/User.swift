import SecamBase
package import SecamWire

/// An account at the gateway, of a person or a device.
package struct User: Sendable, Hashable {
    package let name: Name
    package let role: UserRole
    package let cameras: CameraRights
    /// Whether the account may not log in.
    package let disabled: Bool
    /// A number that grows with each change of password, role or `disabled`. Sessions with an older revision must end.
    package let credentialRevision: Int64

    package init(name: Name, role: UserRole, cameras: CameraRights, disabled: Bool, credentialRevision: Int64) {
        self.name = name
        self.role = role
        self.cameras = cameras
        self.disabled = disabled
        self.credentialRevision = credentialRevision
    }
}

/// The cameras that a user may see.
package enum CameraRights: Sendable, Hashable {
    /// All cameras, present and future.
    case all
    case only(Set<Name>)

    package func contains(_ camera: Name) -> Bool {
        switch self {
        case .all: true
        case .only(let cameras): cameras.contains(camera)
        }
    }
}

extension CameraRights {
    /// `"all"`, or an array of names.
    package var json: String {
        switch self {
        case .all: JSONText.string("all")
        case .only(let names): JSONText.array(names.sorted().map { JSONText.string($0.text) })
        }
    }
}
