import SecamBase
package import SecamWire

/// An error of the accounts or the audit log.
package enum UsersError: Error, Sendable, Hashable {
    /// A file could not be opened, read or written.
    case file(path: String, operation: String, reason: String)
    /// SQLite reported an error.
    case database(path: String, operation: String, reason: String)
    /// The accounts were written by a newer release.
    case newerVersion(path: String)
    /// An account in the file is invalid, as after an edit by hand.
    case malformedAccount(path: String, name: String, field: String)
    case userExists(Name)
    case noSuchUser(Name)
    case noSuchSession(id: String, user: Name)
    case noSuchToken(id: String, user: Name)
    case tooManyTokens(Name)
    /// The change would leave no admin to grant rights.
    case lastAdmin(Name)
    case emptyPassword
    case passwordTooLong(bytes: Int)
    /// libcrypto could not compute or check a hash.
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
            "\(path): was written by a newer version of secam. Use that version, or restore a backup."
        case .malformedAccount(let path, let name, let field):
            "\(path): user '\(JSONText.escaped(name))' has an invalid \(field). Remove the user and add it again."
        case .userExists(let name):
            "there is a user '\(name)' already; choose another name, or change this user"
        case .noSuchUser(let name):
            "there is no user '\(name)'; `secam user list` lists all users"
        case .noSuchSession(let id, let name):
            "'\(name)' has no session '\(JSONText.escaped(id))'; `secam user sessions \(name)` lists all"
        case .noSuchToken(let id, let name):
            "'\(name)' has no token '\(JSONText.escaped(id))'; `secam user token list \(name)` lists all"
        case .tooManyTokens(let name):
            "'\(name)' has \(AccessToken.perUser) tokens already; remove one with `secam user token remove`"
        case .lastAdmin(let name):
            "'\(name)' is the only admin who can log in; make another user admin first"
        case .emptyPassword:
            "the password is empty; use at least \(PasswordRules.adviceBytes) characters"
        case .passwordTooLong(let bytes):
            "the password has \(bytes) bytes; the maximum is \(WireLimits.password)"
        case .hashing(let reason):
            "cannot hash a password: \(reason)"
        }
    }
}
