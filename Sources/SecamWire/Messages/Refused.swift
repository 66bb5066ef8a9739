/// The registry refuses a service. It may retry: `nameTaken` can be temporary, the other reasons need an operator.
///
///     offset  type              field   meaning
///     0       u8 RefusalReason  reason
///     1       text 1024         detail  human-readable text
package struct Refused: WireMessage {
    package static let type = MessageType.refused
    package let reason: RefusalReason
    package let detail: String

    package init(reason: RefusalReason, detail: String) {
        self.reason = reason
        self.detail = detail
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        reason = try reader.choice("reason", bytes)
        detail = try reader.text("detail", limit: WireLimits.text, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.choice(reason)
        writer.text(detail, limit: WireLimits.text)
    }
}

package enum RefusalReason: UInt8, Sendable, CaseIterable {
    /// Another member has this name; may be temporary.
    case nameTaken = 1
    /// The key does not permit this role or name.
    case wrongRole = 2
    /// The roster is full, or this key has too many services.
    case tooMany = 3
    /// The sender has not joined, as after the registry's restart; join again.
    case notJoined = 4
}
