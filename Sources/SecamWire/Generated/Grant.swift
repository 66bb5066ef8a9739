// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// GRANT: Tells a camera how many unanswered jobs an encoder accepts.
///
///     offset  size  field
///     0       4     jobs
package struct Grant: WireMessage {
    package static let type = MessageType.grant
    /// Maximum number of unanswered jobs; at most 1024; 0 stops new jobs.
    package let jobs: UInt32

    package init(jobs: UInt32) { self.jobs = jobs }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        jobs = try reader.integer("jobs", bytes)
        guard jobs <= WireLimits.credit else { throw .badValue(field: "jobs") }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(jobs)
    }
}
