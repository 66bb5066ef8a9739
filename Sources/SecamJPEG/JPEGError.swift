package import SecamPicture

/// What went wrong with a JPEG image. None of these leaves the encoder or decoder unusable.
package enum JPEGError: Error, Equatable, Sendable, CustomStringConvertible {
    /// libturbojpeg could not be set up; there is no memory left.
    case outOfMemory
    /// The picture to encode, or the room for the decoded one, does not have the size that it should.
    case picture(PictureError)
    /// Encoding takes pictures of pixels only.
    case alreadyEncoded
    /// The image claims a size past ``SecamPicture/PictureLimits``; nothing was decoded.
    case tooLarge(width: Int, height: Int)
    /// Decoding the image would take more memory than allowed; nothing was decoded.
    case tooMuchMemory(bytes: Int, limit: Int)
    /// The image's colours are of a kind that cameras do not make (CMYK, YCCK).
    case unsupportedColors
    /// Not a JPEG image, or damaged so that nothing can be decoded; with libturbojpeg's words.
    case invalid(String)
    /// libturbojpeg refused to encode; with its words.
    case encoding(String)

    package var description: String {
        switch self {
        case .outOfMemory: "libturbojpeg could not be set up: out of memory"
        case .picture(let error): error.description
        case .alreadyEncoded: "the picture is a JPEG image already; pass it on as it is"
        case .tooLarge(let width, let height):
            "the JPEG image says it is \(width)x\(height); refused, the limit is \(PictureLimits.maximumSide) a side "
                + "and \(PictureLimits.maximumPixels) pixels"
        case .tooMuchMemory(let bytes, let limit):
            "decoding the JPEG image takes \(bytes) bytes of memory; the limit is \(limit). Have the camera send baseline "
                + "JPEG, or a smaller picture"
        case .unsupportedColors: "the JPEG image has CMYK colours; only grey and colour (YCbCr, RGB) is handled"
        case .invalid(let reason): "the JPEG image cannot be decoded: \(reason)"
        case .encoding(let reason): "the picture cannot be encoded as JPEG: \(reason)"
        }
    }
}
