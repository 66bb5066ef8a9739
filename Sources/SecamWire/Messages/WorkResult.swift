/// A worker's renditions of one job. The payload holds them in the order of the list.
///
///     offset  type            field         meaning
///     0       u16             headerLength  bytes before the payload, this field included
///     2       u64             job           job of the WORK
///     10      u32             elapsed       duration of the work, microseconds
///     14      text 1024       failure       human-readable reason for a failure; empty for a success
///     ..      list 8          renditions    empty after a failure; for each:
///     +0      u8 Rendition    rendition
///     +1      u8 PixelFormat  format        jpeg for jpeg and sub, gray8 for luma
///     +2      u16             width         pixels, 1 to 16384
///     +4      u16             height        pixels, 1 to 16384
///     +6      u32             length        bytes of this rendition in the payload
///     ..      payload         payload
package struct WorkResult: PayloadMessage {
    package static let type = MessageType.result
    package let job: UInt64
    /// Duration of the work, microseconds.
    package let elapsed: UInt32
    /// Human-readable reason for a failure; empty for a success.
    package let failure: String
    package let renditions: [Made]

    package struct Made: Sendable, Equatable {
        package let rendition: Rendition
        package let format: PixelFormat
        package let width: UInt16
        package let height: UInt16
        /// Size, bytes.
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
