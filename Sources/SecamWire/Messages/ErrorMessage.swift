/// A request failed; the connection continues.
///
///     offset  type           field   meaning
///     0       u16 ErrorCode  code
///     2       text 1024      detail  human-readable text
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
    /// No such camera, or one that this user may not see; the two are indistinguishable.
    case noSuchCamera = 1
    /// The camera exists but does not provide this rendition.
    case noSuchRendition = 2
    /// The user may not do this.
    case forbidden = 3
    /// The message is well-formed but makes no sense at this point.
    case unexpected = 4
    /// A limit of the gateway is reached.
    case tooMany = 5
}
