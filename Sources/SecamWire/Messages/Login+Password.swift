extension Login {
    /// Room for the longest LOGIN, so that no part of a password is left behind in an array that grew.
    package static let usualLength =
        Envelope.size + 2 + WireLimits.name + 2 + WireLimits.password + 1 + WireLimits.deviceToken + 2 + WireLimits.code

    package init(username: String, password: String, remember: Bool = false, token: [UInt8] = [], code: String = "") {
        self.init(
            username: username, password: Secret(password), remember: remember, token: token, code: Secret(code))
    }
}

/// A gateway's proof that a user logged in from this device before. It does not replace the password.
package enum DeviceToken {
    /// Stands for no token.
    package static let none = [UInt8](repeating: 0, count: WireLimits.deviceToken)
}
