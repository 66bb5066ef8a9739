package import SecamWire

/// What can go wrong with the accounts of users and the log of their logins.
package enum UsersError: Error, Sendable, Hashable {
    /// A file could not be opened, read or written.
    case file(path: String, operation: String, reason: String)
    /// SQLite refused an operation on the accounts.
    case database(path: String, operation: String, reason: String)
    /// The accounts were written by a newer release.
    case newerVersion(path: String)
    /// An account in the file breaks the rules of this release, as after editing it by hand.
    case malformedAccount(path: String, name: String, field: String)
    case userExists(Name)
    case noSuchUser(Name)
    /// Without an admin nobody could be given rights any more.
    case lastAdmin(Name)
    case emptyPassword
    case passwordTooLong(bytes: Int)
    /// libcrypto could not make or check a hash.
    case hashing(reason: String)
}

extension UsersError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let path, let operation, let reason):
            "cannot \(operation) \(path): \(reason)"
        case .database(let path, let operation, let reason):
            "\(path): cannot \(operation): \(reason)"
        case .newerVersion(let path):
            "\(path) was written by a newer release of secam; run that one, or restore the file from a backup"
        case .malformedAccount(let path, let name, let field):
            "\(path): the user '\(AuditLine.escape(name))' has an invalid \(field); remove the user and add it again"
        case .userExists(let name):
            "there is a user '\(name)' already; choose another name, or change this user"
        case .noSuchUser(let name):
            "there is no user '\(name)'; `secam user list` shows all"
        case .lastAdmin(let name):
            "'\(name)' is the only admin who can log in; make another user admin first"
        case .emptyPassword:
            "the password is empty; give at least \(PasswordRules.adviceBytes) characters"
        case .passwordTooLong(let bytes):
            "the password has \(bytes) bytes; \(WireLimits.password) are allowed"
        case .hashing(let reason):
            "cannot compute a password's hash: \(reason)"
        }
    }
}
