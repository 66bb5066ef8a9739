package import SecamUsers
package import SecamWire

/// What a user does with the own account. It needs the password, because a browser may be left signed in.
package enum AccountChange: Sendable {
    /// - Parameter expires: UTC microseconds; `nil` for never.
    case addToken(label: String, scopes: TokenScopes, cameras: CameraRights, expires: Int64?)
    /// Makes a second factor for the user's app. Nothing is stored.
    case makeSecondFactor
    /// Sets the second factor and new recovery codes, and ends all sessions of the user.
    ///
    /// - Parameter code: proves that the user's app has the secret.
    case setSecondFactor(SecondFactor, code: String)
    /// Ends all sessions of the user too.
    case removeSecondFactor
}

package enum AccountChangeResult: Sendable {
    /// - Parameter text: the token, which is told once.
    case tokenAdded(id: String, text: String)
    case secondFactorMade(SecondFactor, user: Name)
    case secondFactorSet(recoveryCodes: [String])
    case secondFactorRemoved
    case denied(DenialReason, wait: UInt32)
    /// The code does not belong to the new second factor.
    case wrongCode
    case tooManyTokens
    /// The user must have a second factor.
    case secondFactorRequired
    case failed
}
