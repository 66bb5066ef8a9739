// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// GRANT: Tells a camera how many unanswered jobs an encoder accepts.
///
///     offset  size  field
///     0       4     jobs
///     4       8     memory, since version 2
package struct Grant: WireMessage {
    package static let type = MessageType.grant
    package static let version: UInt8 = 2
    /// Maximum number of unanswered jobs; at most 1024; 0 stops new jobs.
    package let jobs: UInt32
    /// Number of the camera's memory file that the encoder has mapped; 0 for none.
    package let memory: UInt64

    package init(jobs: UInt32, memory: UInt64 = 0) {
        self.jobs = jobs
        self.memory = memory
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        jobs = try reader.integer("jobs", bytes)
        guard jobs <= WireLimits.credit else { throw .badValue(field: "jobs") }
        if reader.version >= 2 {
            memory = try reader.integer("memory", bytes)
        } else {
            memory = 0
        }
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(jobs)
        writer.integer(memory)
    }
}
