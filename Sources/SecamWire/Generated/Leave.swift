// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// LEAVE: Tells the registry that a member ends. The body is empty.
package struct Leave: WireMessage {
    package static let type = MessageType.leave

    package init() {}

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {}

    package func write(_ writer: inout WireWriter) {}
}
