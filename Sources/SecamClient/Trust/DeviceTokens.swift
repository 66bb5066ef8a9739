import SecamBase
import SecamProcess
import SecamWire

/// The file of the tokens that gateways gave to this user, one `HOST:PORT USER TOKEN` a line. A token shows that the user
/// logged in from here, and takes the password's place while its session lasts. Only its owner may read the file. User
/// and token are hexadecimal, since a user name may contain any character.
package struct DeviceTokens: Sendable {
    /// Tokens to keep; the oldest are removed first.
    static let limit = 256

    package let path: String

    package init(path: String) { self.path = path }

    /// Returns `$XDG_STATE_HOME/secam/devices`, else `~/.local/state/secam/devices`; `nil` when neither XDG_STATE_HOME nor
    /// HOME is set.
    package static func defaultPath(_ environment: (String) -> String?) -> String? {
        UserFolder.state.path(environment).map { "\($0)/devices" }
    }

    /// Returns the token of a user at a gateway; `nil` when there is none. It ignores malformed lines, since the gateway
    /// issues a new token when one is missing.
    ///
    /// - Throws: when the file is unreadable, or readable by other users.
    func token(for username: String, at server: ServerAddress) throws(SecretFile.Failure) -> [UInt8]? {
        let prefix = Self.prefix(username, server)
        guard let line = try lines().last(where: { $0.hasPrefix(prefix) }) else { return nil }
        let token = Hexadecimal.decode(line.dropFirst(prefix.count))
        return token?.count == WireLimits.deviceToken ? token : nil
    }

    /// Stores a token, and removes the previous one of the same user at the same gateway.
    func store(_ token: [UInt8], for username: String, at server: ServerAddress) throws(SecretFile.Failure) {
        if let slash = path.lastIndex(of: "/") { try SecretFile.makeFolder(String(path[..<slash])) }
        try replace(Self.prefix(username, server), with: Hexadecimal.encode(token))
    }

    /// Removes the token of a user at a gateway, if there is one.
    func remove(for username: String, at server: ServerAddress) throws(SecretFile.Failure) {
        try replace(Self.prefix(username, server), with: nil)
    }

    /// Replaces the lines with a prefix by one with this token; `nil` for none.
    private func replace(_ prefix: String, with token: String?) throws(SecretFile.Failure) {
        let lock = try FileLock(path + ".lock")
        var lines = try lines().filter { !$0.hasPrefix(prefix) }.suffix(Self.limit - 1)
        if let token { lines.append(prefix + token) }
        try SecretFile.write(lines.map { $0 + "\n" }.joined(), to: path)
        _ = consume lock
    }

    private func lines() throws(SecretFile.Failure) -> [String] {
        (try SecretFile.readIfThere(path) ?? "").split(separator: "\n").map(String.init)
    }

    private static func prefix(_ username: String, _ server: ServerAddress) -> String {
        "\(server) \(Hexadecimal.encode(username.utf8)) "
    }
}
