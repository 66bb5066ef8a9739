/// An operator asks the registry how everything is; the answer is `Status`. It has no fields.
package struct StatusRequest: WireMessage {
    package static let type = MessageType.statusRequest

    package init() {}

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {}

    package func write(_ writer: inout WireWriter) {}
}
