/// An operator asks the registry how everything is; the answer is `Status`. It has no fields.
public struct StatusRequest: WireMessage {
    public static let type = MessageType.statusRequest

    public init() {}

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {}

    public func write(_ writer: inout WireWriter) {}
}
