// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// LOGIN: Carries the credentials of a user.
///
///     offset  size  field
///     0       2+n   username
///     ..      2+n   password
///     ..      1     remember, since version 2
///     ..      32    token, since version 2
///     ..      2+n   code, since version 3
package struct Login: WireMessage {
    package static let type = MessageType.login
    package static let version: UInt8 = 3
    /// Any text.
    package let username: String
    /// Any text.
    package let password: Secret
    /// True if the viewer stores a token for its next login.
    package let remember: Bool
    /// Token of an earlier WELCOME to this user, which takes the place of an empty password; zeros for none.
    package let token: [UInt8]
    /// Code of the second factor, or a recovery code; empty for none.
    package let code: Secret

    package init(
        username: String, password: Secret, remember: Bool = false, token: [UInt8] = [], code: Secret = Secret("")
    ) {
        precondition(password.count <= WireLimits.password)
        precondition(token.isEmpty || token.count == WireLimits.deviceToken)
        self.username = username
        self.password = password
        self.remember = remember
        self.token = token.isEmpty ? DeviceToken.none : token
        self.code = code
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        username = try reader.text("username", limit: WireLimits.name, bytes)
        password = try reader.secret("password", limit: WireLimits.password, bytes)
        if reader.version >= 2 {
            remember = try reader.flag("remember", bytes)
            token = try reader.bytes("token", count: WireLimits.deviceToken, bytes)
        } else {
            remember = false
            token = DeviceToken.none
        }
        if reader.version >= 3 {
            code = try reader.secret("code", limit: WireLimits.code, bytes)
        } else {
            code = Secret("")
        }
    }

    package func write(_ writer: inout WireWriter) {
        writer.text(username, limit: WireLimits.name)
        writer.secret(password)
        writer.flag(remember)
        writer.raw(token)
        writer.secret(code)
    }
}
