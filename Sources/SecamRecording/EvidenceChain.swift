import Foundation
import GRDB
import SecamCrypto

/// A chain of hashes over all complete segments: each link's hash is over the one before, the segment's name and the
/// segment's own hash. Whoever noted the last hash once can prove later that nothing before it was changed, and that
/// nothing is missing but what retention removed.
enum EvidenceChain {
    static let empty = [UInt8](repeating: 0, count: SHA256Digest.byteCount)

    static func hash(after chain: [UInt8], path: String, digest: [UInt8]) throws -> [UInt8] {
        try SHA256Digest.hash(chain + Array(path.utf8) + [0] + digest)
    }

    static func append(path: String, digest: [UInt8], _ db: Database) throws {
        let last = try Data.fetchOne(db, sql: "SELECT chain FROM link ORDER BY number DESC LIMIT 1").map { Array($0) }
        let chain = try hash(after: last ?? empty, path: path, digest: digest)
        try db.execute(
            sql: "INSERT INTO link (path, digest, chain) VALUES (?, ?, ?)",
            arguments: [path, Data(digest), Data(chain)])
    }

    /// The hash that a segment's file had when it was completed, or last replaced by us; `nil` when none is known.
    static func digest(of path: String, _ db: Database) throws -> [UInt8]? {
        try Data.fetchOne(
            db, sql: "SELECT digest FROM link WHERE path = ? AND gone IS NULL ORDER BY number DESC LIMIT 1",
            arguments: [path]
        ).map { Array($0) }
    }

    /// A segment's file is gone, or another one, and rightly so.
    static func release(path: String, why: String, at time: Int64, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE link SET gone = ?, goneSince = ? WHERE path = ? AND gone IS NULL",
            arguments: [why, time, path])
    }
}
