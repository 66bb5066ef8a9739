/// The gateway rejects a login. An unknown user and a wrong password get the same answer.
///
///     offset  type             field     meaning
///     0       u8 DenialReason  reason
///     1       zero 1           reserved
///     2       u32              wait      seconds before another attempt can succeed, 0 for none
///     6       text 1024        detail    human-readable text
package struct Denied: WireMessage {
    package static let type = MessageType.denied
    package let reason: DenialReason
    /// Seconds before another attempt can succeed.
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
    /// The username or the password is wrong; the gateway does not say which.
    case credentials = 1
    /// Too many wrong attempts for this user or from this address; wait.
    case locked = 2
    /// The gateway is busy with other logins; retry.
    case busy = 3
}
