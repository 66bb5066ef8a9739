import GRDB
import Glibc
import SecamBase
import SecamCrypto
package import SecamWire

/// The accounts, in an SQLite file that the gateway and the `secam user` command may use at the same time.
///
/// Every call blocks: on the disk, and for about a tenth of a second where it hashes a password. Not for event loops.
package final class UserStore: Sendable {
    package let path: String
    private let queue: DatabaseQueue

    /// How long a call waits while another process writes.
    static let busyTimeout = Duration.seconds(5)

    /// Opens the accounts. Creates the file (mode 0600) when it is missing; its folder must exist.
    ///
    /// - Throws: `file`, `database`, `newerVersion`.
    package init(path: String) throws(UsersError) {
        self.path = path
        // Otherwise two processes could both find the file empty and create its tables.
        let lock: FileLock
        do throws(SecretFile.Failure) {
            lock = try FileLock(path + ".lock")
        } catch {
            throw .file(path: error.path, operation: "create", reason: error.reason)
        }
        try Self.restrictPermissions(path)
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(Self.busyTimeout / .seconds(1))
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
            let migrator = UserSchema.migrator
            guard try !queue.read(migrator.hasBeenSuperseded) else { throw UsersError.newerVersion(path: path) }
            try migrator.migrate(queue)
        } catch {
            throw Self.wrap(error, path: path, "open the accounts")
        }
        _ = consume lock
    }

    /// Returns a number that changes with every change of an account, by any process. Takes a few microseconds.
    package func changeCounter() throws(UsersError) -> Int64 {
        try read("read the change counter", Self.counter)
    }

    /// Returns all users, ordered by name.
    package func list() throws(UsersError) -> [User] {
        try read("list the users") { db in try self.users(db) }
    }

    /// Returns all users and the change counter of the same moment.
    package func snapshot() throws(UsersError) -> (users: [User], counter: Int64) {
        try read("list the users") { db in (try self.users(db), try Self.counter(db)) }
    }

    package func user(_ name: Name) throws(UsersError) -> User? {
        try read("read a user") { db in try self.user(name, db) }
    }

    /// Adds a user.
    ///
    /// - Throws: `userExists`, `emptyPassword`, `passwordTooLong`, `database`.
    @discardableResult
    package func add(
        _ name: Name, password: String, role: UserRole, cameras: CameraRights = .all
    ) throws(UsersError) -> PasswordAdvice? {
        let advice = try PasswordRules.check(password)
        let hash = try Self.hash(password)
        try change("add a user") { db, counter in
            // Compared as Swift strings: names with equal characters count as equal, whatever their encoding.
            let names = try String.fetchAll(db, sql: "SELECT name FROM user")
            if let held = names.first(where: { $0 == name.text }) { throw UsersError.userExists(try Name(held)) }
            try db.execute(
                sql: """
                    INSERT INTO user (name, passwordHash, role, allCameras, disabled, credentialRevision)
                    VALUES (?, ?, ?, ?, 0, ?)
                    """,
                arguments: [name.text, hash, Int(role.rawValue), cameras == .all, counter])
            try Self.write(cameras, of: name, db)
        }
        return advice
    }

    /// Removes a user.
    ///
    /// - Throws: `noSuchUser`, `lastAdmin`.
    package func remove(_ name: Name) throws(UsersError) {
        try change("remove a user") { db, _ in
            try self.require(name, db)
            try Self.requireAnotherAdmin(than: name, db)
            try db.execute(sql: "DELETE FROM user WHERE name = ?", arguments: [name.text])
        }
    }

    /// Sets a user's password. Ends connections and sessions under the old password, and forgets the user's devices.
    ///
    /// - Throws: `noSuchUser`, `emptyPassword`, `passwordTooLong`.
    @discardableResult
    package func setPassword(_ password: String, of name: Name) throws(UsersError) -> PasswordAdvice? {
        let advice = try PasswordRules.check(password)
        let hash = try Self.hash(password)
        try change("set a password") { db, counter in
            try self.require(name, db)
            try db.execute(
                sql: "UPDATE user SET passwordHash = ? WHERE name = ?", arguments: [hash, name.text])
            try self.endLogins(of: name, counter, db)
        }
        return advice
    }

    /// Sets a user's role. A new role ends the user's sessions.
    ///
    /// - Throws: `noSuchUser`, `lastAdmin`.
    package func setRole(_ role: UserRole, of name: Name) throws(UsersError) {
        try change("set a role") { db, counter in
            try self.require(name, db)
            if role != .admin { try Self.requireAnotherAdmin(than: name, db) }
            try db.execute(
                sql: "UPDATE user SET role = ?, credentialRevision = ? WHERE name = ? AND role <> ?",
                arguments: [Int(role.rawValue), counter, name.text, Int(role.rawValue)])
        }
    }

    /// Replaces the cameras that a user may see. Sessions continue with the new rights.
    ///
    /// - Throws: `noSuchUser`.
    package func grant(_ cameras: CameraRights, to name: Name) throws(UsersError) {
        try change("grant cameras") { db, _ in
            try self.require(name, db)
            try db.execute(
                sql: "UPDATE user SET allCameras = ? WHERE name = ?", arguments: [cameras == .all, name.text])
            try Self.write(cameras, of: name, db)
        }
    }

    /// Disables or enables a user. A disabled user keeps account and rights, but cannot log in. No command calls this yet.
    ///
    /// - Throws: `noSuchUser`, `lastAdmin`.
    package func setDisabled(_ disabled: Bool, of name: Name) throws(UsersError) {
        try change(disabled ? "disable a user" : "enable a user") { db, counter in
            try self.require(name, db)
            if disabled { try Self.requireAnotherAdmin(than: name, db) }
            try db.execute(
                sql: "UPDATE user SET disabled = ?, credentialRevision = ? WHERE name = ? AND disabled <> ?",
                arguments: [disabled, counter, name.text, disabled])
        }
    }
}

/// A user with what logins are checked against.
struct Account: Equatable {
    let user: User
    let passwordHash: String
    let secondFactor: SecondFactorState
}

extension UserStore {
    /// Returns the account, if it exists, and the change counter of the same moment.
    func credentials(of name: Name) throws(UsersError) -> (account: Account?, counter: Int64) {
        try read("read a user") { db in
            let account = try self.row(of: name, db).map { row in
                Account(
                    user: try self.user(row, db), passwordHash: row["passwordHash"],
                    secondFactor: try self.secondFactor(of: name, db))
            }
            return (account, try Self.counter(db))
        }
    }

    func users(_ db: Database) throws -> [User] {
        try Row.fetchAll(db, sql: "SELECT * FROM user ORDER BY name").map { try user($0, db) }
    }

    private func user(_ name: Name, _ db: Database) throws -> User? {
        try row(of: name, db).map { try user($0, db) }
    }

    private func row(of name: Name, _ db: Database) throws -> Row? {
        try Row.fetchOne(db, sql: "SELECT * FROM user WHERE name = ?", arguments: [name.text])
    }

    private func user(_ row: Row, _ db: Database) throws -> User {
        let text: String = row["name"]
        func malformed(_ field: String) -> UsersError { .malformedAccount(path: path, name: text, field: field) }
        guard let name = try? Name(text) else { throw malformed("name") }
        guard let role = UInt8(exactly: row["role"] as Int64).flatMap(UserRole.init(rawValue:)) else {
            throw malformed("role")
        }
        var rights = CameraRights.all
        if row["allCameras"] == false {
            let granted = try String.fetchAll(
                db, sql: "SELECT camera FROM grantedCamera WHERE user = ?", arguments: [text])
            rights = .only(
                try Set(
                    granted.map { camera in
                        guard let camera = try? Name(camera) else { throw malformed("camera") }
                        return camera
                    }))
        }
        return User(
            name: name, role: role, cameras: rights, disabled: row["disabled"],
            credentialRevision: row["credentialRevision"])
    }

    func require(_ name: Name, _ db: Database) throws {
        guard try user(name, db) != nil else { throw UsersError.noSuchUser(name) }
    }

    /// Ends the user's connections and sessions, and forgets the user's devices.
    ///
    /// - Parameter counter: the change counter's new value.
    func endLogins(of name: Name, _ counter: Int64, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE user SET credentialRevision = ? WHERE name = ?", arguments: [counter, name.text])
        for table in ["device", "session"] {
            try db.execute(sql: "DELETE FROM \(table) WHERE user = ?", arguments: [name.text])
        }
    }

    private static func requireAnotherAdmin(than name: Name, _ db: Database) throws {
        let admins = try String.fetchAll(
            db, sql: "SELECT name FROM user WHERE role = ? AND NOT disabled", arguments: [Int(UserRole.admin.rawValue)])
        if admins == [name.text] { throw UsersError.lastAdmin(name) }
    }

    private static func write(_ cameras: CameraRights, of name: Name, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM grantedCamera WHERE user = ?", arguments: [name.text])
        guard case .only(let cameras) = cameras else { return }
        for camera in cameras {
            try db.execute(sql: "INSERT INTO grantedCamera VALUES (?, ?)", arguments: [name.text, camera.text])
        }
    }

    static func counter(_ db: Database) throws -> Int64 {
        try Int64.fetchOne(db, sql: "SELECT counter FROM state") ?? 0
    }

    private static func hash(_ password: String) throws(UsersError) -> String {
        do {
            return try PasswordHash.hash(PasswordRules.normalized(password))
        } catch {
            throw .hashing(reason: "\(error)")
        }
    }

    func read<Value>(
        _ operation: String, _ body: (Database) throws -> Value
    ) throws(UsersError) -> Value {
        do {
            return try queue.read(body)
        } catch {
            throw Self.wrap(error, path: path, operation)
        }
    }

    /// Runs `body` with the change counter's new value, in a transaction.
    func change(
        _ operation: String, _ body: (Database, Int64) throws -> Void
    ) throws(UsersError) {
        try write(operation) { db in
            try db.execute(sql: "UPDATE state SET counter = counter + 1")
            try body(db, try Self.counter(db))
        }
    }

    /// Writes a snapshot of all accounts to a new file, without sessions and tokens: a restored backup must not revive
    /// those that were ended since. Other processes may change accounts meanwhile.
    package func copy(to path: String) throws(UsersError) {
        do {
            try queue.vacuum(into: path)
            let copy = try DatabaseQueue(path: path)
            try copy.write { db in try db.execute(sql: "DELETE FROM session; DELETE FROM token") }
            try copy.close()
        } catch {
            throw Self.wrap(error, path: path, "copy the accounts")
        }
    }

    /// Runs `body` in a transaction that changes no account.
    func write(_ operation: String, _ body: (Database) throws -> Void) throws(UsersError) {
        do {
            try queue.write(body)
        } catch {
            throw Self.wrap(error, path: path, operation)
        }
    }

    private static func wrap(_ error: any Error, path: String, _ operation: String) -> UsersError {
        if let error = error as? UsersError { return error }
        let reason = (error as? DatabaseError).map { $0.message ?? "\($0.resultCode)" } ?? "\(error)"
        return .database(path: path, operation: operation, reason: reason)
    }

    /// Creates the file with mode 0600, or restricts the mode of an existing one. SQLite creates its side files with the
    /// same mode.
    private static func restrictPermissions(_ path: String) throws(UsersError) {
        // An existing file must not be opened here: POSIX locks belong to the process, so that closing the file would
        // drop the locks that SQLite holds on it elsewhere in this process.
        let descriptor = unsafe open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            close(descriptor)
            return
        }
        guard errno == EEXIST else { throw .last(path: path, operation: "create") }
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw .last(path: path, operation: "open") }
        if status.st_mode & 0o077 != 0, unsafe chmod(path, 0o600) != 0 {
            throw .last(path: path, operation: "restrict the permissions of")
        }
    }
}

extension UsersError {
    /// Returns an error with the C library's last error on this thread.
    static func last(path: String, operation: String) -> UsersError {
        .file(path: path, operation: operation, reason: "\(SystemError.last)")
    }
}
