/// The layout of a picture's bytes. The raw values are the codes on the wire (proto-spec/types.md).
package enum PixelFormat: UInt8, Sendable, CaseIterable, CustomStringConvertible {
    /// A complete JPEG image; rows have no stride.
    case jpeg = 1
    /// 8-bit luma only, one byte a pixel.
    case gray8 = 2
    /// Packed 4:2:2, bytes Y0 U Y1 V, two bytes a pixel.
    case yuyv = 3
    /// Planar 4:2:0: a full-size Y plane, then an interleaved half-size UV plane.
    case nv12 = 4
    /// Planar 4:2:0: consecutive Y, U and V planes (V4L2: YU12).
    case i420 = 5
    /// Packed red, green, blue; three bytes a pixel.
    case rgb24 = 6

    package var description: String {
        switch self {
        case .jpeg: "JPEG"
        case .gray8: "GRAY8"
        case .yuyv: "YUYV"
        case .nv12: "NV12"
        case .i420: "I420"
        case .rgb24: "RGB24"
        }
    }

    /// Returns the size of a picture without padding, bytes; `nil` for JPEG, whose size depends on the content. Chroma
    /// of odd-sized pictures is rounded up.
    package func byteCount(width: Int, height: Int) -> Int? {
        let chromaWidth = (width + 1) / 2
        let chromaHeight = (height + 1) / 2
        return switch self {
        case .jpeg: nil
        case .gray8: width * height
        case .yuyv: chromaWidth * 4 * height
        case .nv12, .i420: width * height + 2 * chromaWidth * chromaHeight
        case .rgb24: width * height * 3
        }
    }
}
