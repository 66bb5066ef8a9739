/// The registry does not admit a service. It may try again; `nameTaken` can pass, the others need a person.
///
///     offset  size  field
///     0       1     reason
///     1       2+n   detail  for people
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
    /// Another member has this name.
    case nameTaken = 1
    /// The key is not for this role or name.
    case wrongRole = 2
    /// The roster is full.
    case tooMany = 3
    /// The sender has not joined, as after the registry's restart; join anew.
    case notJoined = 4
}
