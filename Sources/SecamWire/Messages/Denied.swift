/// The gateway has not accepted the login. Unknown user and wrong password are one answer.
///
///     offset  size  field
///     0       1     reason
///     1       1     reserved  0
///     2       4     wait      seconds before another try can succeed, 0 for none
///     6       2+n   detail    for people
package struct Denied: WireMessage {
    package static let type = MessageType.denied
    package let reason: DenialReason
    /// Seconds before another try can succeed.
    package let wait: UInt32
    package let detail: String

    package init(reason: DenialReason, wait: UInt32, detail: String) {
        self.reason = reason
        self.wait = wait
        self.detail = detail
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        reason = try reader.choice("reason", bytes)
        try reader.skip("reserved", count: 1)
        wait = try reader.integer("wait", bytes)
        detail = try reader.text("detail", limit: WireLimits.text, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.choice(reason)
        writer.integer(UInt8(0))
        writer.integer(wait)
        writer.text(detail, limit: WireLimits.text)
    }
}

package enum DenialReason: UInt8, Sendable, CaseIterable {
    /// User or password are not right; which of the two is not said.
    case credentials = 1
    /// Too many wrong tries for this user or from this address; wait.
    case locked = 2
    /// The gateway is busy with other logins; try again.
    case busy = 3
}
