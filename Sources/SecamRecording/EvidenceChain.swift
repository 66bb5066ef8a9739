import Foundation
import GRDB
import SecamCrypto

/// A chain of hashes over all complete segments. Each link hashes the previous link, the segment's path and the hash of
/// its file. With a copy of the last hash, an operator can prove that no earlier recording was changed and that only
/// retention removed recordings.
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

    /// Returns the hash of a segment's file at its completion or replacement by secam; `nil` if unknown.
    static func digest(of path: String, _ db: Database) throws -> [UInt8]? {
        try Data.fetchOne(
            db, sql: "SELECT digest FROM link WHERE path = ? AND gone IS NULL ORDER BY number DESC LIMIT 1",
            arguments: [path]
        ).map { Array($0) }
    }

    /// Marks the link of a segment whose file secam has removed or replaced.
    static func release(path: String, reason: String, at time: Int64, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE link SET gone = ?, goneSince = ? WHERE path = ? AND gone IS NULL",
            arguments: [reason, time, path])
    }
}
