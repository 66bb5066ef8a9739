package import SecamWire

/// What is wrong with a picture that was handed over; nothing has been written when it is thrown.
package enum PictureError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A side is not positive, or the picture is past ``PictureLimits``.
    case badSize(width: Int, height: Int)
    /// The format has no rows of pixels (JPEG), or the operation has no use for it.
    case unsupportedFormat(PixelFormat)
    /// Rows would overlap (the device says fewer bytes per line than a row of pixels has), or are past the limit.
    case badBytesPerLine(Int, needed: Int)
    /// The picture's bytes end before the picture does.
    case sourceTooSmall(bytes: Int, needed: Int)
    /// The result does not fit.
    case destinationTooSmall(bytes: Int, needed: Int)

    package var description: String {
        switch self {
        case .badSize(let width, let height):
            "a picture of \(width)x\(height) is refused: sides must be 1 to \(PictureLimits.maximumSide) "
                + "and at most \(PictureLimits.maximumPixels) pixels; choose another size for this camera"
        case .unsupportedFormat(let format):
            "a \(format) picture has no plain rows of pixels to work on; decode it first"
        case .badBytesPerLine(let bytes, let needed):
            "rows of \(bytes) bytes cannot hold this picture: a row needs \(needed), "
                + "at most \(PictureLimits.maximumBytesPerLine)"
        case .sourceTooSmall(let bytes, let needed):
            "the picture is cut off: \(bytes) bytes where its size and format need \(needed)"
        case .destinationTooSmall(let bytes, let needed):
            "the result needs \(needed) bytes and was given room for \(bytes)"
        }
    }
}

/// The largest picture that secam handles. An 8K picture (7680x4320) fits, and so does its I420 form in one message.
package enum PictureLimits {
    /// Pixels in a row, and rows.
    package static let maximumSide = 16_384
    /// Width times height.
    package static let maximumPixels = 1 << 25
    /// Bytes from the start of a row to the next.
    package static let maximumBytesPerLine = 1 << 18

    /// Whether a picture of this size may be handled at all.
    package static func allows(width: Int, height: Int) -> Bool {
        (1...maximumSide).contains(width) && (1...maximumSide).contains(height)
            && width * height <= maximumPixels
    }
}
