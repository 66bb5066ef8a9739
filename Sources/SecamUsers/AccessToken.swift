import SecamBase
package import SecamWire

/// What a token permits.
package struct TokenScopes: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Live streams.
    package static let live = TokenScopes(rawValue: 1)
    /// Single live pictures.
    package static let snapshot = TokenScopes(rawValue: 2)
    package static let recordings = TokenScopes(rawValue: 4)
    package static let events = TokenScopes(rawValue: 8)
    package static let all: TokenScopes = [.live, .snapshot, .recordings, .events]

    private static let names: [(TokenScopes, String)] = [
        (.live, "live"), (.snapshot, "snapshot"), (.recordings, "recordings"), (.events, "events"),
    ]

    /// The names of the scopes.
    package var names: [String] { Self.names.filter { contains($0.0) }.map(\.1) }

    /// - Returns: `nil` for another name.
    package init?(name: String) {
        guard let scope = Self.names.first(where: { $0.1 == name })?.0 else { return nil }
        self = scope
    }
}

/// A tool's right to act for a user at the HTTP interface, without the user's password.
package struct AccessToken: Sendable, Hashable {
    /// Names the token to its user. Not a secret.
    package let id: String
    package let user: Name
    /// What the token is for, in the user's words. Untrusted.
    package let label: String
    /// SHA-256 of the token in hexadecimal. The token itself is stored nowhere.
    let tokenHash: String
    package let scopes: TokenScopes
    /// The cameras that the token gives access to. The user's own rights also apply.
    package let cameras: CameraRights
    /// UTC microseconds.
    package let created: Int64
    /// UTC microseconds; `nil` for never.
    package let expires: Int64?
    /// UTC microseconds; `nil` before the first use.
    package internal(set) var lastUsed: Int64?

    /// The beginning of every token, by which scanners for leaked secrets know it.
    package static let prefix = "secam_"
    /// Random bytes of a token.
    static let byteCount = 32
    /// Maximum tokens of one user.
    package static let perUser = 64
    /// Maximum characters (Unicode scalars) of a label.
    package static let labelLength = 64

    /// The lifetime that a text such as `90d` states; `nil` for another text, and for more than a hundred years.
    package static func lifetime(_ text: String) -> Duration? {
        DurationText.seconds(text).flatMap { (1...36_500 * 86_400).contains($0) ? .seconds($0) : nil }
    }

    /// - Parameter time: UTC microseconds.
    package func isOver(at time: Int64) -> Bool { expires.map { time >= $0 } ?? false }

    /// Returns the user with the rights that the token leaves.
    func restrict(_ user: User) -> User {
        let cameras: CameraRights
        switch (user.role == .admin ? .all : user.cameras, self.cameras) {
        case (let own, .all): cameras = own
        case (.all, let granted): cameras = granted
        case (.only(let own), .only(let granted)): cameras = .only(own.intersection(granted))
        }
        return User(
            name: user.name, role: .viewer, cameras: cameras, disabled: user.disabled,
            credentialRevision: user.credentialRevision)
    }
}

extension AccessToken {
    /// The token's entry in lists, as JSON.
    package var json: String {
        func time(_ microseconds: Int64?) -> String {
            microseconds.map { JSONText.string(UTCText.iso(microseconds: $0)) } ?? "null"
        }
        return JSONText.object([
            "id": JSONText.string(id), "label": JSONText.string(label),
            "scopes": JSONText.array(scopes.names.map(JSONText.string)), "cameras": cameras.json,
            "created": time(created), "expires": time(expires), "lastUsed": time(lastUsed),
        ])
    }
}
