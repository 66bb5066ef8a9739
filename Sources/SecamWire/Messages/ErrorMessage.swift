/// Something that was asked for could not be done; the connection goes on.
///
///     offset  size  field
///     0       2     code
///     2       2+n   detail  for people
package struct ErrorMessage: WireMessage {
    package static let type = MessageType.error
    package let code: ErrorCode
    package let detail: String

    package init(code: ErrorCode, detail: String) {
        self.code = code
        self.detail = detail
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        code = try reader.choice("code", bytes)
        detail = try reader.text("detail", limit: WireLimits.text, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.choice(code)
        writer.text(detail, limit: WireLimits.text)
    }
}

package enum ErrorCode: UInt16, Sendable, CaseIterable {
    /// No such camera, or not one that this user may see: the two look alike.
    case noSuchCamera = 1
    /// The camera exists but cannot give this rendition.
    case noSuchRendition = 2
    /// The user may not do this.
    case forbidden = 3
    /// The message was understood but made no sense at this point.
    case unexpected = 4
    /// A limit of the gateway is reached.
    case tooMany = 5
}
