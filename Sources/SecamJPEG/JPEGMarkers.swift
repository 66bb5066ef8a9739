import SecamPicture

/// The markers before a JPEG's first scan (ITU-T T.81, annex B).
enum JPEGMarkers {
    /// Returns whether decoding keeps the coefficients of the whole image: it is progressive, or its first scan lacks
    /// components. Also returns `true` for unusual markers, to be safe.
    static func keepCoefficients(_ jpeg: Span<UInt8>) -> Bool {
        var segments = JPEGSegments()
        var components: UInt8?
        while let segment = segments.next(in: jpeg) {
            guard segment.length >= 2, segment.end <= jpeg.count, !segment.isInvalid else { return true }
            switch segment.marker {
            // Progressive frames: Huffman and arithmetic coding, differential and not.
            case 0xc2, 0xc6, 0xca, 0xce: return true
            case _ where segment.isFrameHeader:
                guard components == nil, segment.length >= 8 else { return true }
                components = jpeg[segment.start + 7]
            case 0xda:
                guard segment.length >= 3, let components else { return true }
                return jpeg[segment.start + 2] < components
            default: break
            }
        }
        return true
    }
}
