// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// RESULT: Returns the renditions of one job. The payload is their bytes, one after the other in the order of the list.
///
///     offset  size  field
///     0       2     headerLength
///     2       8     job
///     10      4     elapsed
///     14      2+n   failure
///     ..      2     count of renditions; for each:
///     +0      1     rendition
///     +1      1     format
///     +2      2     width
///     +4      2     height
///     +6      4     length
package struct WorkResult: PayloadMessage {
    package static let type = MessageType.result
    /// `job` of the WORK.
    package let job: UInt64
    /// Duration of the work, microseconds.
    package let elapsed: UInt32
    /// Human-readable reason for a failure; empty for a success.
    package let failure: String
    /// Empty after a failure.
    package let renditions: [EncodedRendition]

    package init(job: UInt64, elapsed: UInt32, failure: String = "", renditions: [EncodedRendition]) {
        self.job = job
        self.elapsed = elapsed
        self.failure = failure
        self.renditions = renditions
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        job = try reader.integer("job", bytes)
        elapsed = try reader.integer("elapsed", bytes)
        failure = try reader.text("failure", limit: WireLimits.text, bytes)
        renditions = try reader.list("count", limit: WireLimits.renditions, bytes)
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(job)
        writer.integer(elapsed)
        writer.text(failure, limit: WireLimits.text)
        writer.list(renditions)
    }
}

/// An entry of `renditions`.
package struct EncodedRendition: WireElement, Sendable, Hashable {
    package let rendition: Rendition
    /// `jpeg` for jpeg and sub, `gray8` for luma.
    package let format: PixelFormat
    /// Pixels, 1 to 16384.
    package let width: UInt16
    /// Pixels, 1 to 16384.
    package let height: UInt16
    /// Bytes of this rendition in the payload.
    package let length: UInt32

    package init(rendition: Rendition, format: PixelFormat, width: UInt16, height: UInt16, length: UInt32) {
        self.rendition = rendition
        self.format = format
        self.width = width
        self.height = height
        self.length = length
    }

    init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        rendition = try reader.choice("rendition", bytes)
        format = try reader.choice("format", bytes)
        width = try reader.integer("width", bytes)
        height = try reader.integer("height", bytes)
        length = try reader.integer("length", bytes)
        guard (1...WireLimits.side).contains(Int(width)) else { throw .badValue(field: "width") }
        guard (1...WireLimits.side).contains(Int(height)) else { throw .badValue(field: "height") }
    }

    func write(_ writer: inout WireWriter) {
        writer.choice(rendition)
        writer.choice(format)
        writer.integer(width)
        writer.integer(height)
        writer.integer(length)
    }
}
