/// A member leaves the registry at once instead of by silence. It has no fields.
package struct Leave: WireMessage {
    package static let type = MessageType.leave

    package init() {}

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {}

    package func write(_ writer: inout WireWriter) {}
}
