import SecamCrypto
package import SecamRegistry
import SecamUsers
import SecamWire

/// The first user, who can manage all others.
package enum FirstAdmin {
    /// Creates the user `admin` with a random password unless there is an admin.
    ///
    /// - Returns: the new user's password; `nil` when there was an admin.
    package static func make(in folder: DataFolder) throws -> String? {
        let users = try UserStore(path: folder.users)
        guard try !users.list().contains(where: { $0.role == .admin || $0.name.text == "admin" }) else { return nil }
        let password = try SecureRandom.password()
        try users.add(try Name("admin"), password: password, role: .admin)
        return password
    }
}
