import Glibc
import SecamBase

/// A kind of event in the audit log.
package enum AuditEvent: String, Sendable, CaseIterable {
    case login
    case refusal
    case lockout
    case logout
    /// The gateway ended a session because the account changed.
    case revocation
    case userAdded = "user-added"
    case userRemoved = "user-removed"
    case passwordChanged = "password-changed"
    case roleChanged = "role-changed"
    case rightsChanged = "rights-changed"
    case userDisabled = "user-disabled"
    case userEnabled = "user-enabled"
    case sessionRevoked = "session-revoked"
    case tokenAdded = "token-added"
    case tokenRemoved = "token-removed"
    case secondFactorSet = "second-factor-set"
    case secondFactorRemoved = "second-factor-removed"
    case secondFactorRequired = "second-factor-required"
    case secondFactorOptional = "second-factor-optional"
}

/// The format of the audit log: one JSON object per line. Untrusted text is escaped.
enum AuditLine {
    /// Returns the line of one event.
    ///
    /// - Parameter time: UTC microseconds.
    static func format(
        time: Int64, event: AuditEvent, user: String, address: String, reason: String
    ) -> String {
        JSONText.object(fields(time, event, user, address, reason)) + "\n"
    }

    /// Returns the line of several events with a count.
    ///
    /// - Parameter time: UTC microseconds.
    static func format(_ summary: AuditSummaries.Summary, time: Int64) -> String {
        let fields = fields(time, summary.event, summary.user, summary.address, summary.reason)
        let counted = [("count", "\(summary.count)"), ("since", JSONText.string(timestamp(summary.since)))]
        return JSONText.object(fields + counted) + "\n"
    }

    private static func fields(
        _ time: Int64, _ event: AuditEvent, _ user: String, _ address: String, _ reason: String
    ) -> [(String, String)] {
        [
            ("time", timestamp(time)), ("event", event.rawValue), ("user", user), ("address", address),
            ("reason", reason),
        ].map { ($0.0, JSONText.string($0.1)) }
    }

    /// Returns a time as ISO 8601 in UTC with microseconds, such as `2026-01-31T12:00:00.000000Z`.
    static func timestamp(_ microseconds: Int64) -> String {
        let fraction = ((microseconds % 1_000_000) + 1_000_000) % 1_000_000
        var seconds = time_t((microseconds - fraction) / 1_000_000)
        var parts = unsafe tm()
        unsafe gmtime_r(&seconds, &parts)
        func padded(_ value: some BinaryInteger, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let year = unsafe padded(parts.tm_year + 1900, 4)
        let date = unsafe "\(year)-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
        let time = unsafe "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
        return "\(date)T\(time).\(padded(fraction, 6))Z"
    }
}
