/// A worker sets the number of jobs that it accepts from a camera.
///
///     offset  type  field  meaning
///     0       u32   jobs   maximum number of unanswered jobs; at most 1024; 0 stops new jobs
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
