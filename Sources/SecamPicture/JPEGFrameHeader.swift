/// The frame header of a JPEG (ITU-T T.81, B.2.2), read without decoding the picture.
package struct JPEGFrameHeader: Sendable, Equatable {
    /// Pixels, 1 to 65535.
    package let width: Int
    package let height: Int

    /// Reads the segments up to the frame header.
    ///
    /// - Returns: `nil` if the bytes do not begin like a JPEG, or hold no frame header with a size before their first
    ///   scan.
    package init?(_ jpeg: Span<UInt8>) {
        guard jpeg.count > 3, jpeg[0] == 0xff, jpeg[1] == 0xd8 else { return nil }
        var segments = JPEGSegments()
        while let segment = segments.next(in: jpeg) {
            guard !segment.isInvalid, segment.marker != 0xda, segment.length >= 2 else { return nil }
            guard segment.isFrameHeader else { continue }
            let size = segment.start + 3
            guard segment.length >= 8, size + 3 < jpeg.count else { return nil }
            height = Int(jpeg[size]) << 8 | Int(jpeg[size + 1])
            width = Int(jpeg[size + 2]) << 8 | Int(jpeg[size + 3])
            guard width > 0, height > 0 else { return nil }
            return
        }
        return nil
    }
}
