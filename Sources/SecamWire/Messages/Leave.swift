/// A member leaves the registry at once instead of by silence. It has no fields.
public struct Leave: WireMessage {
    public static let type = MessageType.leave

    public init() {}

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {}

    public func write(_ writer: inout WireWriter) {}
}
