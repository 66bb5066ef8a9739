import GRDB
import SecamBase
package import SecamWire

extension UserStore {
    struct SessionSnapshot {
        let users: [User]
        let sessions: [UserSession]
        let tokens: [AccessToken]
        let secondFactors: [Name: SecondFactorStatus]
        let counter: Int64
    }

    /// Returns users, sessions, tokens, second factors and change counter of the same moment.
    func sessionSnapshot() throws(UsersError) -> SessionSnapshot {
        try read("read the sessions") { db in
            SessionSnapshot(
                users: try self.users(db), sessions: try Self.sessions(db), tokens: try Self.tokens(db),
                secondFactors: try Self.secondFactors(db), counter: try Self.counter(db))
        }
    }

    /// Returns a user's sessions, the last used first. Sessions that are over may be among them.
    package func sessions(of name: Name) throws(UsersError) -> [UserSession] {
        try read("read the sessions") { db in
            try self.require(name, db)
            return try Self.sessions(db).filter { $0.user == name }
                .sorted { ($0.lastUsed, $0.id) > ($1.lastUsed, $1.id) }
        }
    }

    /// Ends one session of a user, or all of them. A running gateway closes their connections.
    ///
    /// - Throws: `noSuchUser`, `noSuchSession`.
    package func endSessions(of name: Name, id: String? = nil) throws(UsersError) {
        try change("end a session") { db, _ in
            try self.require(name, db)
            try db.execute(
                sql: "DELETE FROM session WHERE user = ? AND (? IS NULL OR id = ?)", arguments: [name.text, id, id])
            if let id, db.changesCount == 0 { throw UsersError.noSuchSession(id: id, user: name) }
        }
    }

    /// Inserts a session, unless the user's credentials have changed since the login, and removes others.
    ///
    /// - Returns: whether the session was inserted.
    func insert(_ session: UserSession, removing others: [String]) throws(UsersError) -> Bool {
        var isInserted = false
        try write("store a session") { db in
            let revision = try Int64.fetchOne(
                db, sql: "SELECT credentialRevision FROM user WHERE name = ? AND NOT disabled",
                arguments: [session.user.text])
            guard revision == session.credentialRevision else { return }
            isInserted = true
            for id in others { try db.execute(sql: "DELETE FROM session WHERE id = ?", arguments: [id]) }
            try db.execute(
                sql: "DELETE FROM session WHERE user = ? AND (credentialRevision <> ? OR created < ? OR lastUsed < ?)",
                arguments: [
                    session.user.text, session.credentialRevision,
                    session.created - UserSession.absoluteLimit.microseconds,
                    session.created - UserSession.idleLimit.microseconds,
                ])
            try db.execute(
                sql: """
                    INSERT INTO session (id, user, tokenHash, credentialRevision, created, lastUsed, address, client)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    session.id, session.user.text, session.tokenHash, session.credentialRevision, session.created,
                    session.lastUsed, session.address, session.client,
                ])
        }
        return isInserted
    }

    /// - Parameter time: UTC microseconds.
    func setUse(of id: String, at time: Int64) throws(UsersError) {
        try write("store a session's use") { db in
            try db.execute(sql: "UPDATE session SET lastUsed = ? WHERE id = ?", arguments: [time, id])
        }
    }

    func removeSession(_ id: String) throws(UsersError) {
        try write("remove a session") { db in
            try db.execute(sql: "DELETE FROM session WHERE id = ?", arguments: [id])
        }
    }

    private static func sessions(_ db: Database) throws -> [UserSession] {
        try Row.fetchAll(db, sql: "SELECT * FROM session").compactMap { row in
            guard let user = try? Name(row["user"] as String) else { return nil }
            return UserSession(
                id: row["id"], user: user, tokenHash: row["tokenHash"], credentialRevision: row["credentialRevision"],
                created: row["created"], lastUsed: row["lastUsed"], address: row["address"], client: row["client"])
        }
    }
}
