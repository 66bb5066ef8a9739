/// A worker gives back what it made of one job. The payload is the renditions' bytes, one after the other in the
/// order of the list.
///
///     offset  size  field
///     0       2     headerLength  bytes before the payload, this field included
///     2       8     job
///     10      4     elapsed       microseconds that the work took
///     14      2+n   failure       why there is nothing, for people; empty when all went well
///     ..      2     count         of renditions, 0 after a failure; then for each:
///     +0      1     rendition
///     +1      1     format
///     +2      2     width         pixels
///     +4      2     height        pixels
///     +6      4     length        bytes of the payload
package struct WorkResult: PayloadMessage {
    package static let type = MessageType.result
    package let job: UInt64
    /// Time that the work took, in microseconds.
    package let elapsed: UInt32
    /// Why there is nothing; empty when all went well.
    package let failure: String
    package let renditions: [Made]

    package struct Made: Sendable, Equatable {
        package let rendition: Rendition
        package let format: PixelFormat
        package let width: UInt16
        package let height: UInt16
        /// Bytes.
        package let length: UInt32

        package init(rendition: Rendition, format: PixelFormat, width: UInt16, height: UInt16, length: UInt32) {
            self.rendition = rendition
            self.format = format
            self.width = width
            self.height = height
            self.length = length
        }
    }

    package init(job: UInt64, elapsed: UInt32, failure: String = "", renditions: [Made]) {
        self.job = job
        self.elapsed = elapsed
        self.failure = failure
        self.renditions = renditions
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        job = try reader.integer("job", bytes)
        elapsed = try reader.integer("elapsed", bytes)
        failure = try reader.text("failure", limit: WireLimits.text, bytes)
        var made: [Made] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.renditions, bytes)) {
            let rendition = try reader.choice("rendition", as: Rendition.self, bytes)
            let format = try reader.choice("format", as: PixelFormat.self, bytes)
            let width = try reader.integer("width", as: UInt16.self, bytes)
            let height = try reader.integer("height", as: UInt16.self, bytes)
            let length = try reader.integer("length", as: UInt32.self, bytes)
            guard width > 0, width <= WireLimits.side else { throw .badValue(field: "width") }
            guard height > 0, height <= WireLimits.side else { throw .badValue(field: "height") }
            made.append(
                Made(rendition: rendition, format: format, width: width, height: height, length: length))
        }
        renditions = made
    }

    package func write(_ writer: inout WireWriter) {
        writer.integer(job)
        writer.integer(elapsed)
        writer.text(failure, limit: WireLimits.text)
        writer.integer(UInt16(renditions.count))
        for made in renditions {
            writer.choice(made.rendition)
            writer.choice(made.format)
            writer.integer(made.width)
            writer.integer(made.height)
            writer.integer(made.length)
        }
    }
}
