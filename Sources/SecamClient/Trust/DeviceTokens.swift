import SecamBase
import SecamProcess
import SecamWire

/// The device tokens that gateways gave to this machine's user, one `HOST:PORT USER TOKEN` a line, in a file that only
/// its owner may read. User and token are hexadecimal, since a user's name may hold any character.
package struct DeviceTokens: Sendable {
    /// Tokens that are kept; the ones stored first go first.
    static let limit = 256

    package let path: String

    package init(path: String) { self.path = path }

    /// `$XDG_STATE_HOME/secam/devices`, else `~/.local/state/secam/devices`; nil when neither variable is set.
    package static func defaultPath(_ environment: (String) -> String?) -> String? {
        if let folder = environment("XDG_STATE_HOME"), folder.hasPrefix("/") { return "\(folder)/secam/devices" }
        if let home = environment("HOME"), !home.isEmpty { return "\(home)/.local/state/secam/devices" }
        return nil
    }

    /// The token of this user at this gateway; nil when there is none. A line that cannot be read is passed over, since
    /// the gateway replaces a token that is missing.
    ///
    /// - Throws: when others may read the file, or it cannot be read.
    func token(for username: String, at server: ServerAddress) throws(SecretFile.Failure) -> [UInt8]? {
        let prefix = Self.prefix(username, server)
        guard let line = try lines().last(where: { $0.hasPrefix(prefix) }) else { return nil }
        let token = Hexadecimal.decode(line.dropFirst(prefix.count))
        return token?.count == WireLimits.deviceToken ? token : nil
    }

    /// Stores a token in place of the one before.
    func store(_ token: [UInt8], for username: String, at server: ServerAddress) throws(SecretFile.Failure) {
        if let slash = path.lastIndex(of: "/") { try SecretFile.makeFolder(String(path[..<slash])) }
        let turn = try FileLock(path + ".lock")
        let prefix = Self.prefix(username, server)
        var lines = try lines().filter { !$0.hasPrefix(prefix) }.suffix(Self.limit - 1)
        lines.append(prefix + Hexadecimal.encode(token))
        try SecretFile.write(lines.joined(separator: "\n") + "\n", to: path)
        _ = consume turn
    }

    private func lines() throws(SecretFile.Failure) -> [String] {
        (try SecretFile.readIfThere(path) ?? "").split(separator: "\n").map(String.init)
    }

    private static func prefix(_ username: String, _ server: ServerAddress) -> String {
        "\(server) \(Hexadecimal.encode(username.utf8)) "
    }
}
