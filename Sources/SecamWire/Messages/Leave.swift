/// A member leaves the mesh. The message has no fields.
package struct Leave: WireMessage {
    package static let type = MessageType.leave

    package init() {}

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {}

    package func write(_ writer: inout WireWriter) {}
}
