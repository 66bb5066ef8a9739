import SecamWire

/// The rules for passwords: 1 to 1024 bytes of UTF-8, the limit of a LOGIN message.
package enum PasswordRules {
    /// Shorter passwords are accepted with the advice `PasswordAdvice.short`.
    package static let adviceBytes = 8

    package static func check(_ password: String) throws(UsersError) -> PasswordAdvice? {
        let bytes = password.utf8.count
        guard bytes > 0 else { throw .emptyPassword }
        guard bytes <= WireLimits.password else { throw .passwordTooLong(bytes: bytes) }
        return bytes < adviceBytes ? .short(bytes: bytes) : nil
    }
}

/// Advice on a password that was accepted, for the user who sets it.
package enum PasswordAdvice: Sendable, Hashable, CustomStringConvertible {
    case short(bytes: Int)

    package var description: String {
        switch self {
        case .short(let bytes):
            "a password of \(bytes) bytes is easily guessed; use at least \(PasswordRules.adviceBytes)"
        }
    }
}
