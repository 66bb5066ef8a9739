import Foundation
import GRDB
package import SecamWire

/// What a user needs besides the password.
package struct SecondFactorState: Sendable, Hashable {
    /// `nil` until the user has set one up.
    package let factor: SecondFactor?
    /// Whether the user may log in only with a second factor.
    package let isRequired: Bool
    /// The number of recovery codes that have not been used.
    package let recoveryCodes: Int
}

/// Which second factor a user has, without the secret.
package struct SecondFactorStatus: Sendable, Hashable {
    package let isSet: Bool
    package let isRequired: Bool
}

extension UserStore {
    /// Sets a user's second factor and new recovery codes. Ends connections and sessions, and forgets the user's devices,
    /// so that each logs in again with a code.
    ///
    /// - Parameter step: the step of the code that proved that the user's app has the secret.
    /// - Throws: `noSuchUser`, `hashing`.
    package func setSecondFactor(
        _ factor: SecondFactor, usedStep step: Int64, recoveryCodes: [String], of name: Name
    ) throws(UsersError) {
        let hashes = try recoveryCodes.map { code throws(UsersError) in try Self.hash(recoveryCode: code) }
        try change("set a second factor") { db, counter in
            try self.require(name, db)
            try self.removeSecondFactor(of: name, db)
            try db.execute(
                sql: "INSERT INTO secondFactor VALUES (?, ?, ?)", arguments: [name.text, Data(factor.secret), step])
            for hash in hashes {
                try db.execute(sql: "INSERT INTO recoveryCode VALUES (?, ?)", arguments: [name.text, Data(hash)])
            }
            try self.endLogins(of: name, counter, db)
        }
    }

    /// Removes a user's second factor and recovery codes. Ends connections and sessions.
    ///
    /// - Returns: false if the user had none.
    /// - Throws: `noSuchUser`.
    package func removeSecondFactor(of name: Name) throws(UsersError) -> Bool {
        var had = false
        try change("remove a second factor") { db, counter in
            try self.require(name, db)
            had = try self.removeSecondFactor(of: name, db)
            if had { try self.endLogins(of: name, counter, db) }
        }
        return had
    }

    /// Sets whether users may log in only with a second factor.
    ///
    /// - Parameter name: the user; `nil` for all users, present and future.
    /// - Throws: `noSuchUser`.
    package func requireSecondFactor(_ isRequired: Bool, of name: Name?) throws(UsersError) {
        try change("require a second factor") { db, _ in
            guard let name else {
                try db.execute(sql: "UPDATE state SET requiresSecondFactor = ?", arguments: [isRequired])
                return
            }
            try self.require(name, db)
            try db.execute(
                sql: "UPDATE user SET requiresSecondFactor = ? WHERE name = ?", arguments: [isRequired, name.text])
        }
    }

    package func secondFactor(of name: Name) throws(UsersError) -> SecondFactorState {
        try read("read a second factor") { db in try self.secondFactor(of: name, db) }
    }

    /// Returns the status of each user who has a second factor or needs one.
    static func secondFactors(_ db: Database) throws -> [Name: SecondFactorStatus] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT name, secret IS NOT NULL AS isSet,
                    requiresSecondFactor OR EXISTS (SELECT 1 FROM state WHERE requiresSecondFactor) AS isRequired
                FROM user LEFT JOIN secondFactor ON secondFactor.user = user.name
                """)
        let states = rows.compactMap { row in
            (try? Name(row["name"] as String)).map {
                ($0, SecondFactorStatus(isSet: row["isSet"], isRequired: row["isRequired"]))
            }
        }
        return Dictionary(states) { first, _ in first }
    }

    func secondFactor(of name: Name, _ db: Database) throws -> SecondFactorState {
        let secret = try Data.fetchOne(
            db, sql: "SELECT secret FROM secondFactor WHERE user = ?", arguments: [name.text])
        let isRequired = try Bool.fetchOne(
            db,
            sql: """
                SELECT requiresSecondFactor OR EXISTS (SELECT 1 FROM state WHERE requiresSecondFactor)
                FROM user WHERE name = ?
                """, arguments: [name.text])
        if let secret, secret.count != SecondFactor.secretLength {
            throw UsersError.malformedAccount(path: path, name: name.text, field: "second factor")
        }
        let codes = try Int.fetchOne(
            db, sql: "SELECT COUNT(*) FROM recoveryCode WHERE user = ?", arguments: [name.text])
        return SecondFactorState(
            factor: secret.map { SecondFactor(secret: Array($0)) }, isRequired: isRequired ?? false,
            recoveryCodes: codes ?? 0)
    }

    /// Uses up the code of a step.
    ///
    /// - Returns: false if this code or a later one was used before.
    func use(step: Int64, of name: Name) throws(UsersError) -> Bool {
        var isFresh = false
        try write("use a code") { db in
            try db.execute(
                sql: "UPDATE secondFactor SET lastStep = ? WHERE user = ? AND lastStep < ?",
                arguments: [step, name.text, step])
            isFresh = db.changesCount == 1
        }
        return isFresh
    }

    /// Uses up a recovery code.
    ///
    /// - Returns: false if the user has no such code.
    func use(recoveryCode: String, of name: Name) throws(UsersError) -> Bool {
        let hash = try Self.hash(recoveryCode: recoveryCode)
        var isValid = false
        try write("use a recovery code") { db in
            try db.execute(
                sql: "DELETE FROM recoveryCode WHERE user = ? AND hash = ?", arguments: [name.text, Data(hash)])
            isValid = db.changesCount == 1
        }
        return isValid
    }

    @discardableResult
    private func removeSecondFactor(of name: Name, _ db: Database) throws -> Bool {
        try db.execute(sql: "DELETE FROM recoveryCode WHERE user = ?", arguments: [name.text])
        try db.execute(sql: "DELETE FROM secondFactor WHERE user = ?", arguments: [name.text])
        return db.changesCount == 1
    }

    private static func hash(recoveryCode: String) throws(UsersError) -> [UInt8] {
        do {
            return try RecoveryCodes.hash(recoveryCode)
        } catch {
            throw .hashing(reason: "\(error)")
        }
    }
}
