import SecamWire

/// Which passwords are taken: 1 to 1024 bytes of UTF-8, so that each of them fits in a LOGIN message.
package enum PasswordRules {
    /// Shorter passwords are taken, with `PasswordAdvice.short`.
    package static let adviceBytes = 8

    package static func check(_ password: String) throws(UsersError) -> PasswordAdvice? {
        let bytes = password.utf8.count
        guard bytes > 0 else { throw .emptyPassword }
        guard bytes <= WireLimits.password else { throw .passwordTooLong(bytes: bytes) }
        return bytes < adviceBytes ? .short(bytes: bytes) : nil
    }
}

/// What the person who sets a password should be told although it was taken.
package enum PasswordAdvice: Sendable, Hashable, CustomStringConvertible {
    case short(bytes: Int)

    package var description: String {
        switch self {
        case .short(let bytes):
            "a password of \(bytes) bytes is easily guessed; at least \(PasswordRules.adviceBytes) are advised"
        }
    }
}
