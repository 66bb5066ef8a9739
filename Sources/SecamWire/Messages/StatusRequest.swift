/// An operator requests the status. The answer is STATUS. The message has no fields.
package struct StatusRequest: WireMessage {
    package static let type = MessageType.statusRequest

    package init() {}

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {}

    package func write(_ writer: inout WireWriter) {}
}
