import Foundation
import SecamWire

/// The rules for passwords: 1 to 1024 bytes of UTF-8, the limit of a LOGIN message.
package enum PasswordRules {
    /// Shorter passwords are accepted with the advice `PasswordAdvice.short`.
    package static let adviceBytes = 8

    /// Returns the password in Unicode normalization form C, since keyboards type `é` as one code point or as two.
    static func normalized(_ password: String) -> String {
        password.utf8.allSatisfy { $0 < 0x80 } ? password : password.precomposedStringWithCanonicalMapping
    }

    /// Returns the bytes of the normalized password; `nil` if they are the given ones.
    static func normalized(_ password: UnsafeRawBufferPointer) -> [UInt8]? {
        guard unsafe password.contains(where: { $0 >= 0x80 }) else { return nil }
        let normalized = unsafe Array(Self.normalized(String(decoding: password, as: UTF8.self)).utf8)
        return unsafe normalized.elementsEqual(password) ? nil : normalized
    }

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
