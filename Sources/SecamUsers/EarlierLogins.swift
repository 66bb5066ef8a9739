import GRDB
import SecamBase
import SecamWire

/// The networks and devices from which users have logged in. Both are limited per user, so that no user displaces the
/// entries of another.
///
/// Entries are ordered by insertion, not by the wall clock, which can be set back.
struct EarlierLogins: Sendable {
    struct LastLogin: Sendable {
        /// UTC microseconds.
        let time: Int64
        /// Grows with each login.
        let order: UInt64
    }

    /// By user and network.
    private(set) var networks: [String: [String: LastLogin]] = [:]
    /// By user and the device token's SHA-256 in hexadecimal.
    private(set) var devices: [String: [String: LastLogin]] = [:]
    private var usersByNetwork: [String: Int] = [:]
    private var lastOrder: UInt64 = 0

    /// Maximum networks of one user. The latest are kept.
    static let networksPerUser = 32
    /// Maximum devices of one user. The latest are kept.
    static let devicesPerUser = 16
    /// Minimum time between two writes of logins from the same network or device.
    static let writeInterval = Duration.seconds(60 * 60)

    func knows(_ user: String, network: String) -> Bool { networks[user]?[network] != nil }

    func knows(_ user: String, device: String) -> Bool { devices[user]?[device] != nil }

    /// Returns whether any user has logged in from this network.
    func knows(network: String) -> Bool { usersByNetwork[network] != nil }

    /// Returns whether a login at this time should be written.
    ///
    /// - Parameters:
    ///   - device: the hash of the device token that the viewer sent or will get, if any.
    ///   - time: UTC microseconds.
    func isWriteDue(_ user: String, network: String, device: String?, at time: Int64) -> Bool {
        func isRecent(_ last: Int64?) -> Bool {
            // After the clock was set back, the login is written too.
            guard let last, last <= time else { return false }
            return .microseconds(time.subtractingReportingOverflow(last).partialValue) < Self.writeInterval
        }
        return !isRecent(networks[user]?[network]?.time) || device.map { !isRecent(devices[user]?[$0]?.time) } ?? false
    }

    mutating func insert(_ user: String, network: String, lastLogin: Int64) {
        if networks[user, default: [:]].updateValue(next(lastLogin), forKey: network) == nil {
            usersByNetwork[network, default: 0] += 1
        }
        guard networks[user]!.count > Self.networksPerUser,
            let oldest = networks[user]!.min(by: { $0.value.order < $1.value.order })?.key
        else { return }
        networks[user]![oldest] = nil
        let left = usersByNetwork[oldest, default: 1] - 1
        usersByNetwork[oldest] = left > 0 ? left : nil
    }

    mutating func insert(_ user: String, device: String, lastLogin: Int64) {
        devices[user, default: [:]][device] = next(lastLogin)
        guard devices[user]!.count > Self.devicesPerUser,
            let oldest = devices[user]!.min(by: { $0.value.order < $1.value.order })?.key
        else { return }
        devices[user]![oldest] = nil
    }

    private mutating func next(_ time: Int64) -> LastLogin {
        lastOrder += 1
        return LastLogin(time: time, order: lastOrder)
    }
}

extension UserStore {
    func earlierLogins() throws(UsersError) -> EarlierLogins {
        try read("read earlier logins") { db in
            var logins = EarlierLogins()
            for row in try Row.fetchAll(db, sql: "SELECT user, network, lastLogin FROM loginNetwork ORDER BY sequence")
            {
                logins.insert(row["user"], network: row["network"], lastLogin: row["lastLogin"])
            }
            for row in try Row.fetchAll(db, sql: "SELECT user, tokenHash, lastLogin FROM device ORDER BY sequence") {
                logins.insert(row["user"], device: row["tokenHash"] as String, lastLogin: row["lastLogin"])
            }
            return logins
        }
    }

    /// Writes a login, unless the user's credentials have changed since.
    ///
    /// - Parameters:
    ///   - user: the user as read at the login.
    ///   - device: the hash of the device token, if the viewer has one.
    ///   - time: UTC microseconds.
    /// - Returns: whether the login was written.
    func recordLogin(
        of user: User, network: String, device: String?, at time: Int64
    ) throws(UsersError) -> Bool {
        var isWritten = false
        try write("record a login") { db in
            let revision = try Int64.fetchOne(
                db, sql: "SELECT credentialRevision FROM user WHERE name = ?", arguments: [user.name.text])
            guard revision == user.credentialRevision else { return }
            isWritten = true
            let name = user.name.text
            try Self.insert(
                network, of: name, at: time, keeping: EarlierLogins.networksPerUser, in: "loginNetwork", key: "network",
                db)
            guard let device else { return }
            try Self.insert(
                device, of: name, at: time, keeping: EarlierLogins.devicesPerUser, in: "device", key: "tokenHash", db)
        }
        return isWritten
    }

    /// Inserts a row as the user's latest, and removes the oldest rows beyond `count`.
    private static func insert(
        _ value: String, of user: String, at time: Int64, keeping count: Int, in table: String, key: String,
        _ db: Database
    ) throws {
        try db.execute(
            sql: """
                INSERT OR REPLACE INTO \(table) (user, \(key), lastLogin, sequence)
                VALUES (?, ?, ?, (SELECT IFNULL(MAX(sequence), 0) + 1 FROM \(table) WHERE user = ?))
                """, arguments: [user, value, time, user])
        try db.execute(
            sql: """
                DELETE FROM \(table) WHERE user = ? AND \(key) NOT IN
                (SELECT \(key) FROM \(table) WHERE user = ? ORDER BY sequence DESC LIMIT ?)
                """, arguments: [user, user, count])
    }
}
