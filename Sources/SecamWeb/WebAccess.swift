package import SecamUsers

/// The right by which a request is answered.
package struct WebAccess: Sendable {
    /// How the client proved it.
    package enum Proof: Sendable {
        case session(UserSession)
        /// User and password in each request.
        case password
        case token(AccessToken)
    }

    /// The user, with the rights of this request.
    package let user: User
    /// The change counter of the accounts when the user was read.
    package let asOf: Int64
    package let proof: Proof

    package init(user: User, asOf: Int64, proof: Proof) {
        self.user = user
        self.asOf = asOf
        self.proof = proof
    }

    /// Returns whether the request may do something of this kind.
    func permits(_ scope: TokenScopes) -> Bool {
        if case .token(let token) = proof { token.scopes.contains(scope) } else { true }
    }

    /// `nil` for a request without a session.
    package var session: UserSession? {
        if case .session(let session) = proof { session } else { nil }
    }
}
