/// The markers before a JPEG's first scan (ITU-T T.81, annex B).
enum JPEGMarkers {
    /// Returns whether decoding keeps the coefficients of the whole image: it is progressive, or its first scan lacks
    /// components. Also returns `true` for unusual markers, to be safe.
    static func keepCoefficients(_ jpeg: Span<UInt8>) -> Bool {
        var offset = 2
        var components: UInt8?
        while offset + 4 <= jpeg.count, jpeg[offset] == 0xff {
            let marker = jpeg[offset + 1]
            if marker == 0xff {  // A fill byte.
                offset += 1
                continue
            }
            let length = Int(jpeg[offset + 2]) << 8 | Int(jpeg[offset + 3])
            let end = offset + 2 + length
            guard length >= 2, end <= jpeg.count else { return true }
            switch marker {
            // Markers without a length, which encoders write only inside scans.
            case 0x00, 0x01, 0xd0...0xd9: return true
            // Progressive frames: Huffman and arithmetic coding, differential and not.
            case 0xc2, 0xc6, 0xca, 0xce: return true
            case 0xc0...0xcf where marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
                guard components == nil, length >= 8 else { return true }
                components = jpeg[offset + 9]
            case 0xda:
                guard length >= 3, let components else { return true }
                return jpeg[offset + 4] < components
            default: break
            }
            offset = end
        }
        return true
    }
}
