/// The result of a check of a JPEG's markers and its end, without decoding.
enum JPEGScan: Hashable, Sendable {
    /// The properties in a JPEG's markers before its first scan (ITU-T T.81, annex B).
    struct Header: Hashable, Sendable {
        let width: Int
        let height: Int
        /// Without tables (AVI's MJPEG, some cameras), only a decoder that assumes the standard tables can decode it.
        let hasHuffmanTables: Bool
        /// Decoding needs memory for all coefficients.
        let isProgressive: Bool
    }

    case whole(Header)
    /// Not a JPEG, truncated, or broken before its first scan.
    case damaged

    /// Maximum number of other bytes between the end marker and a padding of zeros.
    private static let longestTail = 64

    init(_ bytes: RawSpan) {
        self = .damaged
        guard bytes.byteCount >= 4, Self.word(0, bytes) == 0xffd8, Self.hasEnd(bytes) else { return }
        var size: (width: Int, height: Int)?
        var hasHuffmanTables = false
        var isProgressive = false
        var offset = 2
        while offset + 4 <= bytes.byteCount, Self.byte(offset, bytes) == 0xff {
            let marker = Self.byte(offset + 1, bytes)
            if marker == 0xff {  // fill byte
                offset += 1
                continue
            }
            let length = Self.word(offset + 2, bytes)
            guard length >= 2, offset + 2 + length <= bytes.byteCount else { return }
            switch marker {
            case 0xc4:
                hasHuffmanTables = true
            case 0xc0...0xcf where marker != 0xc8 && marker != 0xcc:
                guard length >= 8 else { return }
                size = (Self.word(offset + 7, bytes), Self.word(offset + 5, bytes))
                isProgressive = marker & 3 == 2
            case 0xda:
                guard let size, size.width > 0, size.height > 0 else { return }
                self = .whole(
                    Header(
                        width: size.width, height: size.height, hasHuffmanTables: hasHuffmanTables,
                        isProgressive: isProgressive))
                return
            default: break
            }
            offset += 2 + length
        }
    }

    private static func hasEnd(_ bytes: RawSpan) -> Bool {
        var end = bytes.byteCount
        while end > 4, byte(end - 1, bytes) == 0 { end -= 1 }
        let earliest = max(4, end - longestTail)
        while end >= earliest {
            if byte(end - 2, bytes) == 0xff, byte(end - 1, bytes) == 0xd9 { return true }
            end -= 1
        }
        return false
    }

    private static func byte(_ offset: Int, _ bytes: RawSpan) -> UInt8 {
        unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    private static func word(_ offset: Int, _ bytes: RawSpan) -> Int {
        Int(byte(offset, bytes)) << 8 | Int(byte(offset + 1, bytes))
    }
}
