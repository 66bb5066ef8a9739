package import SecamPicture

/// An error of a JPEG image. The encoder or decoder remains usable after it.
package enum JPEGError: Error, Equatable, Sendable, CustomStringConvertible {
    /// libturbojpeg could not be initialized.
    case outOfMemory
    /// The picture to encode, or the destination of a decoded one, has a wrong size.
    case picture(PictureError)
    /// The picture to encode is a JPEG.
    case alreadyEncoded
    /// The image claims a size beyond ``SecamPicture/PictureLimits``; it was not decoded.
    case tooLarge(width: Int, height: Int)
    /// Decoding the image would exceed the memory limit; it was not decoded.
    case tooMuchMemory(bytes: Int, limit: Int)
    /// The image has a colour space that cameras do not use (CMYK, YCCK).
    case unsupportedColors
    /// Not a JPEG image, or too damaged to decode; with libturbojpeg's message.
    case invalid(String)
    /// libturbojpeg failed to encode; with its message.
    case encoding(String)

    package var description: String {
        switch self {
        case .outOfMemory: "cannot initialize libturbojpeg: out of memory"
        case .picture(let error): error.description
        case .alreadyEncoded: "cannot encode the picture: it is a JPEG image already"
        case .tooLarge(let width, let height):
            "the JPEG image is too large: \(width)x\(height); the maximum is \(PictureLimits.maximumSide) per side and "
                + "\(PictureLimits.maximumPixels) pixels"
        case .tooMuchMemory(let bytes, let limit):
            "decoding the JPEG image needs \(bytes) bytes of memory; the limit is \(limit). Set the camera to baseline "
                + "JPEG, or to a smaller picture"
        case .unsupportedColors: "unsupported CMYK colours in the JPEG image; use YCbCr, RGB or grey"
        case .invalid(let reason): "cannot decode the JPEG image: \(reason)"
        case .encoding(let reason): "cannot encode the picture as JPEG: \(reason)"
        }
    }
}
