import GRDB
import SecamBase
import SecamCrypto
package import SecamWire

extension UserStore {
    /// Returns a user's tokens, the newest first.
    package func tokens(of name: Name) throws(UsersError) -> [AccessToken] {
        try read("read the tokens") { db in
            try self.require(name, db)
            return try Self.tokens(db).filter { $0.user == name }.sorted { ($0.created, $0.id) > ($1.created, $1.id) }
        }
    }

    /// Creates a token.
    ///
    /// - Parameters:
    ///   - time: now, UTC microseconds.
    ///   - expires: UTC microseconds; `nil` for never.
    /// - Returns: the token, which is shown once, and its entry.
    /// - Throws: `noSuchUser`, `tooManyTokens`, `hashing`.
    package func addToken(
        of name: Name, label: String, scopes: TokenScopes, cameras: CameraRights, expires: Int64?,
        at time: Int64 = WallClock.now
    ) throws(UsersError) -> (text: String, entry: AccessToken) {
        let text: String
        let entry: AccessToken
        do {
            text = AccessToken.prefix + Hexadecimal.encode(try SecureRandom.bytes(AccessToken.byteCount))
            entry = AccessToken(
                id: Hexadecimal.encode(try SecureRandom.bytes(8)), user: name, label: label,
                tokenHash: try RandomToken.hash(Array(text.utf8)), scopes: scopes, cameras: cameras, created: time,
                expires: expires, lastUsed: nil)
        } catch {
            throw .hashing(reason: "\(error)")
        }
        try change("add a token") { db, _ in
            try self.require(name, db)
            try db.execute(sql: "DELETE FROM token WHERE expires <= ?", arguments: [time])
            let count = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM token WHERE user = ?", arguments: [name.text])
            guard count ?? 0 < AccessToken.perUser else { throw UsersError.tooManyTokens(name) }
            try db.execute(
                sql: """
                    INSERT INTO token (id, user, label, tokenHash, scopes, allCameras, created, expires)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    entry.id, name.text, label, entry.tokenHash, Int(scopes.rawValue), cameras == .all, time, expires,
                ])
            guard case .only(let names) = cameras else { return }
            for camera in names {
                try db.execute(sql: "INSERT INTO tokenCamera VALUES (?, ?)", arguments: [entry.id, camera.text])
            }
        }
        return (text, entry)
    }

    /// Ends a token of a user at once.
    ///
    /// - Throws: `noSuchUser`, `noSuchToken`.
    package func removeToken(_ id: String, of name: Name) throws(UsersError) {
        try change("remove a token") { db, _ in
            try self.require(name, db)
            try db.execute(sql: "DELETE FROM token WHERE user = ? AND id = ?", arguments: [name.text, id])
            if db.changesCount == 0 { throw UsersError.noSuchToken(id: id, user: name) }
        }
    }

    /// - Parameter time: UTC microseconds.
    func setTokenUse(of id: String, at time: Int64) throws(UsersError) {
        try write("store a token's use") { db in
            try db.execute(sql: "UPDATE token SET lastUsed = ? WHERE id = ?", arguments: [time, id])
        }
    }

    static func tokens(_ db: Database) throws -> [AccessToken] {
        var cameras: [String: Set<Name>] = [:]
        for row in try Row.fetchAll(db, sql: "SELECT * FROM tokenCamera") {
            if let name = try? Name(row["camera"] as String) { cameras[row["token"], default: []].insert(name) }
        }
        return try Row.fetchAll(db, sql: "SELECT * FROM token").compactMap { row in
            guard let user = try? Name(row["user"] as String) else { return nil }
            let id: String = row["id"]
            return AccessToken(
                id: id, user: user, label: row["label"], tokenHash: row["tokenHash"],
                scopes: TokenScopes(rawValue: UInt8(truncatingIfNeeded: row["scopes"] as Int64)),
                cameras: row["allCameras"] ? .all : .only(cameras[id] ?? []), created: row["created"],
                expires: row["expires"], lastUsed: row["lastUsed"])
        }
    }
}
