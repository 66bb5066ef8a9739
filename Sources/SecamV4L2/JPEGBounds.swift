/// The bounds of a JPEG in a device's buffer. Only its start and end are checked, because the rest would need a
/// decoder.
enum JPEGBounds: Equatable, Sendable {
    /// A picture in the first `byteCount` bytes.
    case picture(byteCount: Int)
    case damaged(reason: String)

    /// Maximum number of other bytes that a camera may append before its padding of zeros.
    private static let longestTail = 64

    init(of bytes: RawSpan) {
        let count = bytes.byteCount
        guard count >= 4 else {
            self = .damaged(reason: "\(count) bytes are too few for a JPEG")
            return
        }
        guard Self.byte(0, bytes) == 0xff, Self.byte(1, bytes) == 0xd8 else {
            self = .damaged(reason: "the start of the JPEG is missing (FF D8)")
            return
        }
        var end = count
        while end > 4, Self.byte(end - 1, bytes) == 0 { end -= 1 }
        let earliest = max(4, end - Self.longestTail)
        while end >= earliest {
            if Self.byte(end - 2, bytes) == 0xff, Self.byte(end - 1, bytes) == 0xd9 {
                self = .picture(byteCount: end)
                return
            }
            end -= 1
        }
        self = .damaged(reason: "the end of the JPEG is missing (FF D9), \(count) bytes received")
    }

    private static func byte(_ offset: Int, _ bytes: RawSpan) -> UInt8 {
        unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
