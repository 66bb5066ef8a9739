// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// STATUS_REQUEST: Asks the registry for STATUS. The body is empty.
package struct StatusRequest: WireMessage {
    package static let type = MessageType.statusRequest

    package init() {}

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {}

    package func write(_ writer: inout WireWriter) {}
}
