/// A worker says how many jobs of a camera it takes at once: those it has not answered yet count. Repeated at least
/// once a second, it also says that the worker lives, and after a new connection it needs no memory of the old one.
///
///     offset  size  field
///     0       4     jobs  the newest one holds; 0 stops the camera from sending more
package struct Grant: WireMessage {
    package static let type = MessageType.grant
    package let jobs: UInt32

    package init(jobs: UInt32) { self.jobs = jobs }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        jobs = try reader.integer("jobs", bytes)
        guard jobs <= WireLimits.credit else { throw .badValue(field: "jobs") }
    }

    package func write(_ writer: inout WireWriter) { writer.integer(jobs) }
}
