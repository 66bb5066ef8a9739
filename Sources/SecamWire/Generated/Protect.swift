// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// PROTECT: Protects recordings from deletion, or ends their protection.
///
///     offset  size  field
///     0       4     request
///     4       1     protected
///     5       3     reserved
///     8       8     from
///     16      8     to
///     24      2+n   camera
package struct Protect: WireMessage {
    package static let type = MessageType.protect
    /// Number chosen by the requester; the answer repeats it.
    package let request: UInt32
    /// True to protect, false to end protection.
    package let protected: Bool
    /// UTC microseconds.
    package let from: Int64
    /// UTC microseconds, after `from`.
    package let to: Int64
    package let camera: Name

    package init(request: UInt32, protected: Bool, from: Int64, to: Int64, camera: Name) {
        precondition(to > from)
        self.request = request
        self.protected = protected
        self.from = from
        self.to = to
        self.camera = camera
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        request = try reader.integer("request", bytes)
        protected = try reader.flag("protected", bytes)
        try reader.skip("reserved", count: 3)
        from = try reader.timeBound("from", bytes)
        to = try reader.timeBound("to", bytes)
        guard to > from else { throw .badValue(field: "to") }
        camera = try reader.name("camera", bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(request)
        writer.flag(protected)
        writer.zeros(3)
        writer.integer(from)
        writer.integer(to)
        writer.name(camera)
    }
}
