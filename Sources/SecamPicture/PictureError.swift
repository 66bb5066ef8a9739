package import SecamWire

/// An error of a picture or its buffers. No output has been written when it is thrown.
package enum PictureError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A side is not positive, or the picture exceeds ``PictureLimits``.
    case badSize(width: Int, height: Int)
    /// The format has no rows of pixels (JPEG), or the operation does not support it.
    case unsupportedFormat(PixelFormat)
    /// Rows would overlap (fewer bytes per line than a row of pixels), or exceed the limit.
    case badBytesPerLine(Int, needed: Int)
    /// The picture is truncated.
    case sourceTooSmall(bytes: Int, needed: Int)
    /// The destination is too small for the result.
    case destinationTooSmall(bytes: Int, needed: Int)

    package var description: String {
        switch self {
        case .badSize(let width, let height):
            "unsupported size \(width)x\(height): width and height must be 1 to \(PictureLimits.maximumSide), "
                + "with at most \(PictureLimits.maximumPixels) pixels. Choose another size for this camera"
        case .unsupportedFormat(let format):
            "unsupported format \(format): the picture has no rows of pixels. Decode it first"
        case .badBytesPerLine(let bytes, let needed):
            "unsupported row length of \(bytes) bytes: it must be \(needed) to \(PictureLimits.maximumBytesPerLine)"
        case .sourceTooSmall(let bytes, let needed):
            "truncated picture: \(bytes) of \(needed) bytes"
        case .destinationTooSmall(let bytes, let needed):
            "destination too small: \(bytes) of \(needed) bytes"
        }
    }
}

/// The limits of a picture's size. An 8K picture (7680x4320) is within them, and its I420 form fits one message.
package enum PictureLimits {
    /// Maximum width and height, pixels.
    package static let maximumSide = 16_384
    /// Maximum width times height.
    package static let maximumPixels = 1 << 25
    /// Maximum number of bytes from the start of a row to the next.
    package static let maximumBytesPerLine = 1 << 18

    /// Returns whether a picture of this size is within the limits.
    package static func allows(width: Int, height: Int) -> Bool {
        (1...maximumSide).contains(width) && (1...maximumSide).contains(height)
            && width * height <= maximumPixels
    }
}
