/// The segments of a JPEG before its first scan (ITU-T T.81, B.1.1), one after the other.
package struct JPEGSegments: Sendable {
    package struct Segment: Sendable {
        package let marker: UInt8
        /// The first byte after the marker, which begins the two bytes of the length.
        package let start: Int
        /// Bytes of the segment after the marker. They may end after the JPEG.
        package let length: Int

        package var end: Int { start + length }

        /// Whether it is the header of a frame, with size and components: markers SOF0 to SOF15.
        package var isFrameHeader: Bool { 0xc0...0xcf ~= marker && ![0xc4, 0xc8, 0xcc].contains(marker) }

        /// Whether the marker stands alone, or no encoder writes it outside a scan.
        package var isInvalid: Bool { [0x00, 0x01].contains(marker) || 0xd0...0xd9 ~= marker }
    }

    /// After the marker of the JPEG's start.
    private var offset = 2

    package init() {}

    /// Returns the next segment; `nil` where none begins.
    package mutating func next(in jpeg: Span<UInt8>) -> Segment? {
        while offset + 3 < jpeg.count, jpeg[offset] == 0xff {
            let marker = jpeg[offset + 1]
            if marker == 0xff {  // A fill byte.
                offset += 1
                continue
            }
            let length = Int(jpeg[offset + 2]) << 8 | Int(jpeg[offset + 3])
            let segment = Segment(marker: marker, start: offset + 2, length: length)
            offset = segment.end
            return segment
        }
        return nil
    }
}
