/// An admin protects recordings from retention, or ends the protection. The answer is FOUND with these recordings.
///
///     offset  type    field      meaning
///     0       u32     request    number chosen by the requester; the answer repeats it
///     4       u8      protected  0 or 1; 1 to protect, 0 to end protection
///     5       zero 3  reserved
///     8       i64     from       UTC microseconds
///     16      i64     to         UTC microseconds, after from
///     24      name    camera
package struct Protect: WireMessage {
    package static let type = MessageType.protect
    package let request: UInt32
    package let protected: Bool
    /// UTC microseconds.
    package let from: Int64
    /// UTC microseconds.
    package let to: Int64
    package let camera: Name

    package init(request: UInt32, protected: Bool, from: Int64, to: Int64, camera: Name) {
        precondition(from < to)
        self.request = request
        self.protected = protected
        self.from = from
        self.to = to
        self.camera = camera
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        request = try reader.integer("request", bytes)
        let flag = try reader.integer("protected", as: UInt8.self, bytes)
        guard flag <= 1 else { throw .badValue(field: "protected") }
        protected = flag == 1
        try reader.skip("reserved", count: 3)
        from = try reader.timeBound("from", bytes)
        to = try reader.timeBound("to", bytes)
        guard to > from else { throw .badValue(field: "to") }
        camera = try reader.name("camera", bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(request)
        writer.integer(UInt8(protected ? 1 : 0))
        writer.raw([0, 0, 0])
        writer.integer(from)
        writer.integer(to)
        writer.name(camera)
    }
}
