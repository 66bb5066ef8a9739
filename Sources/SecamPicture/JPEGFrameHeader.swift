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
        var offset = 2
        while offset + 3 < jpeg.count, jpeg[offset] == 0xff {
            let marker = jpeg[offset + 1]
            if marker == 0xff {  // A fill byte.
                offset += 1
                continue
            }
            let length = Int(jpeg[offset + 2]) << 8 | Int(jpeg[offset + 3])
            switch marker {
            // A scan, or a marker that no JPEG has before its first scan.
            case 0x00, 0x01, 0xd0...0xda: return nil
            case 0xc0...0xcf where marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
                guard length >= 8, offset + 8 < jpeg.count else { return nil }
                height = Int(jpeg[offset + 5]) << 8 | Int(jpeg[offset + 6])
                width = Int(jpeg[offset + 7]) << 8 | Int(jpeg[offset + 8])
                guard width > 0, height > 0 else { return nil }
                return
            default:
                guard length >= 2 else { return nil }
                offset += 2 + length
            }
        }
        return nil
    }
}
